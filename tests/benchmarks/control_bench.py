#!/usr/bin/env python3
"""Figures of the agent and of syncctl as their users see them, over the real socket and disk.

    SYNCD=build/release/bin/syncd SYNCCTL=build/release/bin/syncctl tests/benchmarks/control_bench.py \\
        [--writes N] [--documents N] [--many N] [--write]

--write puts the tables into RESULTS.md, where they take the place of the last ones. Durable figures are those of
the disk below TMPDIR. Where Redis (Debian: redis-server) and etcd (etcd-server, etcd-client) are installed, the
nearest that they can do is measured on the same disk in the same run.
"""

import argparse
import base64
import http.client
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
from support import SYNCCTL, Agent, Connection, free_port  # noqa: E402


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


def p99(times):
    """The 99th percentile of seconds, in milliseconds."""
    return sorted(times)[len(times) * 99 // 100 - 1] * 1000


def timed_runs(command, environment, runs=300):
    """Milliseconds of whole runs of a program, the 99th of 100, Python's own cost of a child included."""
    times = []
    for number in range(runs):
        begun = time.monotonic()
        subprocess.run([word.replace("{}", str(number)) for word in command], env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - begun)
    return p99(times)


def whole_process(agent, *words):
    return timed_runs([SYNCCTL, "--socket", agent.socket_path, *words], agent.place.environment)


def watch_latency(agent, document, runs=300):
    """From the answer to a durable set until the line about it is read from `syncctl watch`: the 99th percentile in ms."""
    watch = subprocess.Popen([SYNCCTL, "--socket", agent.socket_path, "-o", "ndjson", "watch", document], text=True,
                             env=agent.place.environment, stdout=subprocess.PIPE)
    arrived = []  # one moment a line; both clocks are this process's
    shown = threading.Condition()

    def read():
        for line in watch.stdout:
            now = time.monotonic()
            assert "Change" in line or "Event" in line, line
            with shown:
                arrived.append(now)
                shown.notify()

    reader = threading.Thread(target=read)
    reader.start()
    connection = Connection(agent)
    while not arrived:  # until the watch listens
        connection.ask("doc.set", doc=document, edits=[{"pointer": "/first", "value": time.time()}])
        time.sleep(0.1)
    time.sleep(0.5)
    first = len(arrived)
    late = []
    for number in range(runs):
        connection.ask("doc.set", doc=document, edits=[{"pointer": "/n", "value": number}])
        answered = time.monotonic()
        with shown:
            if not shown.wait_for(lambda: len(arrived) > first + number, timeout=10):  # noqa: B023
                raise AssertionError(f"no line for set {number}")
            late.append(max(0.0, arrived[first + number] - answered))
    watch.terminate()
    reader.join()
    return p99(late)


class OneCore:
    """While it lasts, every thread of the agent runs on one core."""

    def __init__(self, agent):
        self.pid = agent.process.pid
        self.cores = os.sched_getaffinity(self.pid)

    def spread(self, cores):
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            os.sched_setaffinity(int(thread), cores)

    def __enter__(self):
        self.spread({max(self.cores)})

    def __exit__(self, *_):
        self.spread(self.cores)


def processor_seconds(agent):
    with open(f"/proc/{agent.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def relaxed_on_one_core(agent, documents, count):
    """Sets a second, and the processor time of the agent for each in microseconds."""
    with OneCore(agent):
        sets(agent, documents, 5_000, durability="relaxed")
        before = processor_seconds(agent)
        rate = sets(agent, documents, count, durability="relaxed")
        return rate, (processor_seconds(agent) - before) * 1e6 / count


def resident(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


def make_conflicts(agent):
    for number in range(10):
        agent.ok("new", "--name", f"c/{number}", "-f", "-", stdin='{"a": 0}')
        base = agent.ok("heads", f"c/{number}")
        agent.ok("set", f"c/{number}", "/a", "1")
        agent.ok("set", f"c/{number}", "/a", "2", "--base", base)


def fill(agent, first, documents):
    """Documents of one value each, made a part at a time; how many a second."""
    begun = time.monotonic()
    for begin in range(first, documents, 50_000):
        end = min(documents, begin + 50_000)
        pipelined(agent, [request(number, "doc.new", value={"n": number}) for number in range(begin, end)])
    return (documents - first) / (time.monotonic() - begun)


def conflicts(agent):
    """Milliseconds of `syncctl conflict ls`, which finds ten: the median of whole runs."""
    times = []
    for _ in range(20):
        begun = time.monotonic()
        assert len(agent.ok("conflict", "ls", "-o", "ndjson").splitlines()) == 10
        times.append(time.monotonic() - begun)
    return sorted(times)[len(times) // 2] * 1000


def query(agent, documents):
    """Seconds of one path over every document, as a whole run of syncctl, and by how many MiB the agent grew."""
    before = resident(agent)
    begun = time.monotonic()
    done = subprocess.run([SYNCCTL, "--socket", agent.socket_path, "query", "$.n", "--count"], text=True, check=True,
                          env=agent.place.environment, capture_output=True)
    took = time.monotonic() - begun
    assert int(done.stdout.replace(",", "")) >= documents, done.stdout
    return took, resident(agent) - before


class Replicas:
    """Files of one empty document, changed apart."""

    def __init__(self, agent, name):
        self.environment = agent.place.environment
        self.folder = agent.place.file(name)
        os.makedirs(self.folder)

    def run(self, *words, expected=0):
        done = subprocess.run([SYNCCTL, *words], env=self.environment, cwd=self.folder, text=True, capture_output=True,
                              check=False)
        if done.returncode != expected:
            raise AssertionError(f"{words}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def fork(self, name):
        with open(os.path.join(self.folder, name), "wb"):
            return f"./{name}"


def convergence(agent):
    """Seconds of `verify convergence` over eight concurrent changes in all their 40,320 orders."""
    replicas = Replicas(agent, "orders")
    files = [replicas.fork(f"fork{number}.automerge") for number in range(8)]
    for number, file in enumerate(files):
        replicas.run("set", file, "/n", str(number))
    begun = time.monotonic()
    report = json.loads(replicas.run("verify", "convergence", *files, "--orders", "all", "-o", "json"))
    took = time.monotonic() - begun
    assert report["orders"] == {"mode": "all", "possible": 40_320, "run": 40_320}, report["orders"]
    return took


def shrinking(agent):
    """Of how many changes a counter-example is shrunk to how many, and in how many seconds: two of four replicas that
    were edited apart each make themselves primary, which a rule about the merged document forbids."""
    replicas = Replicas(agent, "planted")
    files = [replicas.fork(f"{name}.automerge") for name in "abcd"]
    for file, name in zip(files[:2], "ab"):
        replicas.run("set", file, f"/primary_{name}", "true")
    for number in range(38):
        replicas.run("set", files[number % 4], f"/{number}", "true")
    begun = time.monotonic()
    report = json.loads(replicas.run(
        "verify", "convergence", *files, "--seed", "7", "-o", "json", "--invariant",
        "SELECT json_extract(:doc, '$.primary_a') IS NULL OR json_extract(:doc, '$.primary_b') IS NULL", expected=1))
    return report["changes"], len(report["counterexamples"][0]["changes"]), time.monotonic() - begun


class Redis:
    """Redis that syncs before it answers; None stands for one that is not installed."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="converge-redis-")
        self.socket = os.path.join(self.folder, "redis.sock")
        self.server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder,
                                        "--save", "", "--appendonly", "yes", "--appendfsync", "always"],
                                       stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.05)

    @staticmethod
    def installed():
        return all(shutil.which(name) for name in ("redis-server", "redis-benchmark", "redis-cli"))

    def sets(self, writes, clients):
        """SETs a second, pipelined as ours are."""
        done = subprocess.run(["redis-benchmark", "-s", self.socket, "-n", str(writes), "-c", str(clients), "-P", "64",
                               "-t", "set", "--csv"], capture_output=True, text=True, check=True)
        return float(done.stdout.splitlines()[-1].split(",")[1].strip('"'))

    def whole_process(self):
        return timed_runs(["redis-cli", "-s", self.socket, "set", "n", "{}"], dict(os.environ))

    def close(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Etcd:
    """One etcd, which syncs before it answers, asked through its JSON gateway: it has no pipelining."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="converge-etcd-")
        client, peer = free_port(), free_port()
        self.port = client
        self.server = subprocess.Popen(
            ["etcd", "--data-dir", self.folder, "--listen-client-urls", f"http://127.0.0.1:{client}",
             "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.put(http.client.HTTPConnection("127.0.0.1", client), 0)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @staticmethod
    def installed():
        return all(shutil.which(name) for name in ("etcd", "etcdctl"))

    @staticmethod
    def put(connection, number):
        body = json.dumps({"key": base64.b64encode(b"n").decode(), "value": base64.b64encode(b"%d" % number).decode()})
        connection.request("POST", "/v3/kv/put", body)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise OSError(f"etcd answers {answer.status}: {content[:200]}")

    def sets(self, writes, clients):
        """Puts a second."""
        def work():
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            for number in range(writes // clients):
                self.put(connection, number)

        begun = time.monotonic()
        threads = [threading.Thread(target=work) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return writes // clients * clients / (time.monotonic() - begun)

    def whole_process(self):
        return timed_runs(["etcdctl", "--endpoints", f"127.0.0.1:{self.port}", "put", "n", "{}"],
                          {**os.environ, "ETCDCTL_API": "3"})

    def close(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def beside_others(agent, documents, ours, writes):
    """The rows that compare with Redis and etcd, measured one behind the other on the same disk."""
    ours = {**ours, "whole": whole_process(agent, "set", documents[0], "/n", "{}")}
    rows = {"1 connection, sets a second": [ours["one"]], "16 connections, sets a second": [ours["sixteen"]],
            "one durable set, whole process, p99 ms": [ours["whole"]]}
    for other, few in ((Redis, writes), (Etcd, min(writes, 5_000))):
        if not other.installed():
            for row in rows.values():
                row.append(None)
            continue
        server = other()
        try:
            for row, value in zip(rows.values(), (server.sets(few, 1), server.sets(few, 16), server.whole_process())):
                row.append(value)
        finally:
            server.close()
    return rows


def ratio_cell(ours, theirs, is_time):
    if theirs is None:
        return "not installed"
    ratio = theirs / ours if is_time else ours / theirs
    return f"{theirs:,.1f} ({ratio:.1f}x)" if is_time else f"{theirs:,.0f} ({ratio:.1f}x)"


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


class Table:
    """Rows as they are measured, printed at once."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def add(self, *cells):
        self.lines.append("| " + " | ".join(cells) + " |")
        print(self.lines[-1], flush=True)


def measure(agent, arguments):
    writes, documents, many = arguments.writes, arguments.documents, arguments.many
    table = Table("| figure | measured | target |", "| --- | --: | --: |")
    targets = [f"d/{number}" for number in range(64)]
    for name in targets:
        agent.ok("new", "--name", name)
    table.add("`syncctl version`, whole process, p99", f"{whole_process(agent, 'version'):.1f} ms", "<= 10 ms")
    table.add("`syncctl get` of a small document, warm agent, whole process, p99",
              f"{whole_process(agent, 'get', 'd/0'):.1f} ms", "<= 15 ms")
    table.add("durable sets, `syncctl batch`", f"{batch(agent, targets, writes):,.0f}/s", ">= 5,000/s")
    ours = {"one": sets(agent, targets, writes)}
    table.add("durable sets, 1 connection, pipelined", f"{ours['one']:,.0f}/s", ">= 5,000/s")
    ours["sixteen"] = parallel(agent, targets, writes, 16)
    table.add("durable sets, 16 connections", f"{ours['sixteen']:,.0f}/s", ">= 20,000/s")
    rate, cost = relaxed_on_one_core(agent, targets, 2 * writes)
    table.add("`relaxed` sets, the agent's threads all on one core", f"{rate:,.0f}/s", ">= 50,000/s")
    table.add("processor time of the agent for each of them", f"{cost:.1f} us", "<= 20 us")
    table.add("`watch`, from the answer to a durable set to its line, p99", f"{watch_latency(agent, 'd/1'):.2f} ms", "<= 2 ms")
    make_conflicts(agent)
    table.add(f"{documents:,} small documents made", f"{fill(agent, 0, documents):,.0f}/s", "")
    took, grown = query(agent, documents)
    table.add(f"`query` of one path over {documents:,} small documents", f"{took:.2f} s", "<= 2 s")
    table.add("resident memory of the agent before and after", f"{grown:+.1f} MiB", "flat")
    fill(agent, documents, many)
    table.add(f"`conflict ls`, 10 conflicts in {many:,} documents, whole process", f"{conflicts(agent):.1f} ms", "<= 50 ms")
    table.add("resident memory of the agent with them", f"{resident(agent):,.0f} MiB", "")
    table.add("`verify convergence`, 8 concurrent changes, all 40,320 orders", f"{convergence(agent):.1f} s", "<= 10 s")
    made, left, took = shrinking(agent)
    table.add(f"the planted bug's {made} changes, shrunk", f"{left} changes, {took:.1f} s", "2 changes")
    others = Table("| durable | converge | Redis, `appendfsync always` | etcd |", "| --- | --: | --: | --: |")
    for title, (own, redis, etcd) in beside_others(agent, targets, ours, writes).items():
        is_time = title.endswith("ms")
        others.add(title, f"{own:,.1f}" if is_time else f"{own:,.0f}", ratio_cell(own, redis, is_time),
                   ratio_cell(own, etcd, is_time))
    return table.lines, others.lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=int, default=50_000)
    parser.add_argument("--documents", type=int, default=100_000, help="for the query")
    parser.add_argument("--many", type=int, default=1_000_000, help="for the list of conflicts")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    arguments = parser.parse_args()
    agent = Agent("bench", "--log-level", "error").start()
    try:
        table, others = measure(agent, arguments)
    finally:
        agent.close()
        agent.place.close()
    if arguments.write:
        put_into_results("control", "\n".join([
            "## Through the agent", "",
            f"By `control_bench.py --writes {arguments.writes} --documents {arguments.documents} --many {arguments.many}`, "
            f"{os.cpu_count()} cores; p99 is the 99th of 100.", "", *table, "",
            "The nearest that others can do, on the same disk in the same run; in brackets how many times faster converge is.",
            "Redis is pipelined as we are, 64 requests deep; etcd is asked through its JSON gateway, which cannot be.",
            "A set of ours also keeps the document's whole history.", "", *others]) + "\n")


if __name__ == "__main__":
    main()
