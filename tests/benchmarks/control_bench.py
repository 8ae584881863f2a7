#!/usr/bin/env python3
"""Figures of the agent and of syncctl as their users see them, over the real socket and disk.

    SYNCD=build/release/bin/syncd SYNCCTL=build/release/bin/syncctl tests/benchmarks/control_bench.py \\
        [--writes N] [--documents N] [--write]

--write puts the table into RESULTS.md, where it takes the place of the last one. Durable figures are those of
the disk below TMPDIR. Where redis-server and redis-benchmark are installed, the nearest that Redis can do (SET
with appendfsync always) is measured on the same disk in the same run.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))
from support import SYNCCTL, Agent, Connection  # noqa: E402


def request(number, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def pipelined(agent, lines):
    """Seconds from the first request to the last answer on one connection."""
    connection = Connection(agent)
    payload = b"".join(lines)

    def write():
        connection.send(payload)

    begun = time.monotonic()
    writer = threading.Thread(target=write)
    writer.start()
    answered = 0
    while answered < len(lines):
        # Counting line ends keeps Python out of the figure; the last answers are looked at below.
        got = connection.socket.recv(1 << 20)
        if not got:
            raise ConnectionError("the agent closed the connection")
        answered += got.count(b"\n")
        if b'"error"' in got:
            raise AssertionError(got[:500])
    writer.join()
    return time.monotonic() - begun


def sets(agent, documents, count, first=0, **params):
    lines = [request(first + number, "doc.set", doc=documents[number % len(documents)],
                     edits=[{"pointer": "/n", "value": number}], **params) for number in range(count)]
    return count / pipelined(agent, lines)


def parallel(agent, documents, count, connections):
    share = count // connections
    begun = time.monotonic()
    threads = [threading.Thread(target=sets, args=(agent, documents[index::connections], share))
               for index in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return share * connections / (time.monotonic() - begun)


def batch(agent, documents, count):
    lines = "".join(json.dumps({"id": number, "cmd": ["set", documents[number % len(documents)], "/n", str(number)]}) + "\n"
                    for number in range(count))
    begun = time.monotonic()
    done = subprocess.run([SYNCCTL, "--socket", agent.socket_path, "batch", "--parallel", "256"], input=lines, text=True,
                          capture_output=True, env=agent.place.environment, check=False)
    took = time.monotonic() - begun
    if done.returncode != 0:
        raise AssertionError(done.stdout[-500:] + done.stderr)
    return count / took


def whole_process(agent, *words, runs=300):
    """The 99th percentile of whole runs of syncctl, in milliseconds, Python's own cost of a child included."""
    times = []
    for _ in range(runs):
        begun = time.monotonic()
        subprocess.run([SYNCCTL, "--socket", agent.socket_path, *words], env=agent.place.environment, check=True,
                       stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - begun)
    return sorted(times)[runs * 99 // 100 - 1] * 1000


def watch_latency(agent, document, runs=300):
    """From the answer to a durable set until the line about it is read from `syncctl watch`: the 99th percentile in ms."""
    arrived = {}
    watch = subprocess.Popen([SYNCCTL, "--socket", agent.socket_path, "-o", "ndjson", "watch", document], text=True,
                             env=agent.place.environment, stdout=subprocess.PIPE)

    def read():
        for line in watch.stdout:
            arrived[len(arrived)] = time.monotonic()
            assert "Change" in line or "Event" in line, line

    reader = threading.Thread(target=read)
    reader.start()
    connection = Connection(agent)
    answered = []
    while not arrived:  # until the watch listens
        connection.ask("doc.set", doc=document, edits=[{"pointer": "/first", "value": time.time()}])
        time.sleep(0.1)
    time.sleep(0.5)
    first = len(arrived)
    for number in range(runs):
        connection.ask("doc.set", doc=document, edits=[{"pointer": "/n", "value": number}])
        answered.append(time.monotonic())
        deadline = time.monotonic() + 5
        while len(arrived) <= first + number and time.monotonic() < deadline:
            time.sleep(0.0001)
    watch.terminate()
    reader.join()
    late = sorted(max(0.0, arrived[first + number] - answered[number]) for number in range(runs))
    return late[runs * 99 // 100 - 1] * 1000


def resident(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


def fill(agent, documents):
    """Documents of one value each, ten of them with a conflict."""
    for number in range(10):
        agent.ok("new", "--name", f"c/{number}", "-f", "-", stdin='{"a": 0}')
        base = agent.ok("heads", f"c/{number}")
        agent.ok("set", f"c/{number}", "/a", "1")
        agent.ok("set", f"c/{number}", "/a", "2", "--base", base)
    return documents / pipelined(agent, [request(number, "doc.new", value={"n": number}) for number in range(documents)])


def conflicts(agent):
    """Milliseconds of conflict.list, which finds ten."""
    connection = Connection(agent)
    times = []
    for _ in range(20):
        begun = time.monotonic()
        answer = connection.ask("conflict.list")
        times.append(time.monotonic() - begun)
        assert len(answer["result"]["items"]) == 10, answer
    return sorted(times)[len(times) // 2] * 1000


def query(agent, documents):
    """Seconds of one path over every document, as a whole run of syncctl."""
    begun = time.monotonic()
    done = subprocess.run([SYNCCTL, "--socket", agent.socket_path, "query", "$.n", "--count"], text=True, check=True,
                          env=agent.place.environment, capture_output=True)
    took = time.monotonic() - begun
    assert int(done.stdout.replace(",", "")) >= documents, done.stdout
    return took


def convergence(agent):
    """Seconds of `verify convergence` over eight concurrent changes in all their 40,320 orders."""
    folder = agent.place.file("forks")
    os.makedirs(folder)

    def ctl(*words):
        subprocess.run([SYNCCTL, *words], env=agent.place.environment, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    with open(os.path.join(folder, "base.json"), "w", encoding="utf-8") as file:
        json.dump({"n": 0, "list": [1, 2, 3]}, file)
    ctl("import", "base.json", "--to", "base.automerge")
    files = [f"fork{number}.automerge" for number in range(8)]
    for number, file in enumerate(files):
        shutil.copy(os.path.join(folder, "base.automerge"), os.path.join(folder, file))
        ctl("set", f"./{file}", "/n", str(number))
    begun = time.monotonic()
    ctl("verify", "convergence", *files, "--orders", "all")
    return time.monotonic() - begun


def redis(writes, clients):
    """SETs a second of Redis that syncs before it answers, pipelined as ours are; None where it is not installed."""
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        socket = os.path.join(folder, "redis.sock")
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "",
                                   "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(socket):
                time.sleep(0.05)
            done = subprocess.run(["redis-benchmark", "-s", socket, "-n", str(writes), "-c", str(clients), "-P", "64",
                                   "-t", "set", "--csv"], capture_output=True, text=True, check=True)
            return float(done.stdout.splitlines()[-1].split(",")[1].strip('"'))
        finally:
            server.terminate()
            server.wait()


def put_into_results(part, text):
    """Replaces the part of RESULTS.md that has this name, or adds it at the end."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "RESULTS.md")
    with open(path, encoding="utf-8") as file:
        results = file.read()
    begin, end = f"<!-- {part}: begin -->\n", f"<!-- {part}: end -->\n"
    if begin in results:
        results = results[:results.index(begin)] + results[results.index(end) + len(end):]
    with open(path, "w", encoding="utf-8") as file:
        file.write(results.rstrip("\n") + f"\n\n{begin}{text}{end}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=int, default=50_000)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    arguments = parser.parse_args()
    writes, count = arguments.writes, arguments.documents
    agent = Agent("bench", "--log-level", "error").start()
    rows = ["## Through the agent", "",
            f"By `control_bench.py --writes {writes} --documents {count}`; p99 is the 99th of 100.", "",
            "| figure | measured | target |", "| --- | --: | --: |"]
    try:
        documents = [agent.ok("new", "--name", f"d/{number}") and f"d/{number}" for number in range(64)]
        for title, value, target in (
                ("`syncctl version`, whole process, p99 ms", lambda: whole_process(agent, "version"), "<= 10"),
                ("`syncctl get` of a small document, whole process, p99 ms", lambda: whole_process(agent, "get", "d/0"), "<= 15"),
                ("durable sets a second, 1 connection pipelined", lambda: sets(agent, documents, writes), ""),
                ("durable sets a second, `syncctl batch`", lambda: batch(agent, documents, writes), ">= 5,000"),
                ("durable sets a second, 16 connections", lambda: parallel(agent, documents, writes, 16), ">= 20,000"),
                ("relaxed sets a second, 1 connection",
                 lambda: sets(agent, documents, writes, durability="relaxed"), ">= 50,000"),
                ("Redis, SET, appendfsync always, 1 connection, 64 pipelined", lambda: redis(writes, 1), ""),
                ("Redis, SET, appendfsync always, 16 connections, 64 pipelined", lambda: redis(writes, 16), ""),
                ("`watch`: from the answer to a durable set to its line, p99 ms", lambda: watch_latency(agent, "d/1"), "<= 2"),
                (f"documents made a second, {count:,} small ones", lambda: fill(agent, count), ""),
                (f"`conflict ls`, 10 in {count:,} documents, ms", lambda: conflicts(agent), "<= 50"),
                (f"`query` of one path over {count:,} documents, s", lambda: query(agent, count), "<= 2"),
                ("resident memory of the agent after that, MiB", lambda: resident(agent), ""),
                ("`verify convergence`, 8 concurrent changes, 40,320 orders, s", lambda: convergence(agent), "<= 10")):
            measured = value()
            rows.append(f"| {title} | {'not installed' if measured is None else f'{measured:,.1f}'} | {target} |")
            print(rows[-1], flush=True)
    finally:
        agent.close()
        agent.place.close()
    if arguments.write:
        put_into_results("control", "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
