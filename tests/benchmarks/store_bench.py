#!/usr/bin/env python3
"""Figures of the store as its operators see them, over the real disk: start after a kill, repair, backup, import.

    SYNCD=build/release/bin/syncd SYNCCTL=build/release/bin/syncctl tests/benchmarks/store_bench.py \\
        [--documents N] [--bytes N] [--large FACTOR] [--write]

N documents of so many bytes each are made once; --large makes a second store FACTOR times that size, so that what
must not depend on the size can be seen not to. --write puts the table into RESULTS.md, where it takes the place of
the last one. Durable figures are those of the disk below TMPDIR. RESULTS.md's figures: --documents 10000 --large 10.
"""

import argparse
import glob
import os
import random
import shutil
import signal
import sys
import threading
import time

from control_bench import Agent, Connection, pipelined, put_into_results, request, resident, sets

PART = 2_000


def fill(agent, documents, size):
    """Documents a second, durable at the end. The texts do not compress."""
    begun = time.monotonic()
    source = random.Random(documents)
    for first in range(0, documents, PART):
        lines = [request(number, "doc.new", name=f"d/{number}",
                         value={"n": number, "text": source.randbytes(size // 2).hex()})
                 for number in range(first, min(documents, first + PART))]
        pipelined(agent, lines)
    return documents / (time.monotonic() - begun)


def restart_after_kill(agent, runs=5):
    """Milliseconds from starting the process to its answer, the slowest of some."""
    slowest = 0
    for _ in range(runs):
        connection = Connection(agent)
        connection.ask("doc.set", doc="d/0", edits=[{"pointer": "/n", "value": random.randrange(1 << 30)}])
        agent.process.send_signal(signal.SIGKILL)
        agent.process.wait()
        connection.close()
        begun = time.monotonic()
        agent.start()
        Connection(agent).ask("agent.hello")
        slowest = max(slowest, time.monotonic() - begun)
    return slowest * 1000


def one_by_one(agent, documents, count):
    """Sets by a client that waits for each answer."""
    connection = Connection(agent)
    for number in range(count):
        connection.ask("doc.set", doc=documents[number % len(documents)], edits=[{"pointer": "/n", "value": number}])
    connection.close()


def waiting_clients(agent, documents, count, clients):
    """Durable sets a second by so many of them."""
    begun = time.monotonic()
    threads = [threading.Thread(target=one_by_one, args=(agent, documents[index::clients], count // clients))
               for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.monotonic() - begun)


def directory_bytes(folder):
    return sum(os.path.getsize(path) for path in glob.glob(os.path.join(folder, "db", "*")))


def point_reads(agent, documents, runs=2_000):
    """The 99th percentile of `doc.get` of documents nobody has read since the start, in milliseconds."""
    agent.stop()
    agent.start()
    connection = Connection(agent)
    times = []
    for number in random.Random(1).sample(range(documents), min(runs, documents)):
        begun = time.monotonic()
        connection.ask("doc.get", doc=f"d/{number}", pointer="/n")
        times.append(time.monotonic() - begun)
    connection.close()
    return sorted(times)[len(times) * 99 // 100 - 1] * 1000


def backup_under_load(agent, runs=10):
    """The longest pause of writers while backups are taken beside them, in milliseconds."""
    documents = [f"d/{number}" for number in range(16)]
    ending = threading.Event()

    def write():
        while not ending.is_set():
            sets(agent, documents, 500)

    writer = threading.Thread(target=write)
    writer.start()
    pauses = []
    try:
        for run in range(runs):
            target = agent.place.file(f"backup-{run}")
            pauses.append(agent.json("store", "backup", target)["pause_us"])
            shutil.rmtree(target)
    finally:
        ending.set()
        writer.join()
    return max(pauses) / 1000


def flip(table, place):
    with open(table, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 0x10]))


def slowest_read(agent, documents):
    """Seconds; ends with the document of which something is missing."""
    connection = Connection(agent)
    slowest = 0
    for number in range(documents):
        begun = time.monotonic()
        answer = connection.ask("doc.get", doc=f"d/{number}")
        slowest = max(slowest, time.monotonic() - begun)
        if "missing" in answer.get("result", {}):
            break
    connection.close()
    return slowest


def repair(agent, documents):
    """Seconds that the first reader of a damaged block waits until it is repaired and he has what is left of his
    document; how many changes it cost. The rest of the store is not read for it. Nothing where the block was none
    that is read for a document's value."""
    for part in (0.5, 0.3, 0.7, 0.1, 0.9):
        agent.stop()
        table = max(glob.glob(os.path.join(agent.store, "db", "*.sst")), key=os.path.getsize)
        place = int(os.path.getsize(table) * part)
        flip(table, place)
        agent.start()
        took = slowest_read(agent, documents)
        lost = sum(len(entry["missing"]) for entry in agent.json("quarantine", "ls")["items"])
        if lost:
            return took, lost
        agent.stop()
        if os.path.exists(table):
            flip(table, place)
        agent.start()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--bytes", type=int, default=2_000)
    parser.add_argument("--large", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    arguments = parser.parse_args()
    rows = ["## The store", "",
            f"By `store_bench.py --documents {arguments.documents} --bytes {arguments.bytes} --large {arguments.large}`.", "",
            "| figure | measured | target |", "| --- | --: | --: |"]

    def row(title, value, target=""):
        rows.append(f"| {title} | {value:,.1f} | {target} |")
        print(rows[-1], flush=True)

    starts = []
    for factor in (1, arguments.large):
        count = arguments.documents * factor
        agent = Agent("bench", "--log-level", "error").start()
        try:
            made = fill(agent, count, arguments.bytes)
            size = directory_bytes(agent.store) / (1 << 20)
            row(f"documents made a second, {count:,} of {arguments.bytes:,} bytes", made, ">= 20,000")
            starts.append(restart_after_kill(agent))
            row(f"start after `kill -9`, {size:,.0f} MiB, slowest of 5, ms", starts[-1], "<= 500")
            row(f"`doc.get` of a document not read before, {count:,} documents, p99 ms", point_reads(agent, count), "<= 1")
            row(f"resident memory with {count:,} documents after that, MiB", resident(agent))
            if factor == 1:
                documents = [f"d/{number}" for number in range(64)]
                alone = waiting_clients(agent, documents, 1_000, 1)
                many = waiting_clients(agent, documents, 8_000, 16)
                row("synced sets a second, 16 clients that wait for each answer against 1, times", many / alone, ">= 6")
                row("longest pause of writers in 10 backups beside them, ms", backup_under_load(agent), "<= 50")
            if repaired := repair(agent, count):
                took, lost = repaired
                row(f"one damaged block repaired on the running agent, {size:,.0f} MiB, s", took, "<= 1")
                row("changes that it cost", lost)
            else:
                print("NOT MEASURED: no damaged block was one that is read", file=sys.stderr)
        finally:
            agent.close()
            agent.place.close()
    row("start after `kill -9`, the larger store against the smaller, times", starts[-1] / starts[0], "<= 2")
    if arguments.write:
        put_into_results("store", "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
