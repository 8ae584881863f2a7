#!/usr/bin/env python3
"""Figures of the agent as its clients see them, over the real socket and disk.

    SYNCD=build/release/syncd SYNCCTL=build/release/syncctl tests/benchmarks/control_bench.py [--writes N] [--documents N]

Rows: small durable sets a second over one pipelined connection, over 16 connections, and relaxed; the same
through `syncctl batch`; and what `conflict ls` costs with ten conflicts among many documents. Durable
figures are those of the disk below TMPDIR.
"""

import argparse
import json
import os
import subprocess
import sys
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


def conflicts(agent, documents):
    """Milliseconds of conflict.list with ten conflicts among `documents` documents."""
    for number in range(10):
        agent.ok("new", "--name", f"c/{number}", "-f", "-", stdin='{"a": 0}')
        base = agent.ok("heads", f"c/{number}")
        agent.ok("set", f"c/{number}", "/a", "1")
        agent.ok("set", f"c/{number}", "/a", "2", "--base", base)
    lines = [request(number, "doc.new", value={"n": number}) for number in range(documents)]
    pipelined(agent, lines)
    connection = Connection(agent)
    times = []
    for _ in range(20):
        begun = time.monotonic()
        answer = connection.ask("conflict.list")
        times.append(time.monotonic() - begun)
        assert len(answer["result"]["items"]) == 10, answer
    return sorted(times)[len(times) // 2] * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=20_000)
    parser.add_argument("--documents", type=int, default=100_000)
    arguments = parser.parse_args()
    agent = Agent("bench", "--log-level", "error").start()
    try:
        documents = [agent.ok("new", "--name", f"d/{number}") and f"d/{number}" for number in range(64)]
        print(f"{'figure':48} {'value':>12}")
        for title, value in (
                ("durable sets a second, 1 connection", lambda: sets(agent, documents, arguments.writes)),
                ("durable sets a second, 16 connections", lambda: parallel(agent, documents, arguments.writes, 16)),
                ("relaxed sets a second, 1 connection",
                 lambda: sets(agent, documents, arguments.writes, durability="relaxed")),
                ("durable sets a second, syncctl batch", lambda: batch(agent, documents, arguments.writes)),
                (f"conflict ls, 10 in {arguments.documents:,} documents, ms", lambda: conflicts(agent, arguments.documents))):
            print(f"{title:48} {value():12,.1f}", flush=True)
    finally:
        agent.close()
        agent.place.close()


if __name__ == "__main__":
    main()
