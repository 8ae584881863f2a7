#!/usr/bin/env python3
"""Figures of stores as large as they are promised to be: a million documents, ten gigabytes.

    TMPDIR=/var/tmp SYNCD=build/release/bin/syncd SYNCCTL=build/release/bin/syncctl tests/benchmarks/scale_bench.py \\
        [--import N] [--documents N] [--megabytes N,N] [--write]

--import: so many small documents by `syncctl import`, from one file and one agent that is new. --documents: so many
through the socket, then an agent with a budget of 256 MiB reads each once. --megabytes: stores of these sizes, for what
must not depend on the size, filled by stores/store_peer, which must be built, too. 0 leaves a part out.
Needs some 12 GB below TMPDIR and ten minutes; --write puts the table into RESULTS.md.
"""

import argparse
import glob
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

from control_bench import SYNCCTL, Agent, Connection, Table, p99, pipelined, put_into_results, request
from store_bench import directory_bytes, flip

PART = 50_000
# What an operator sets for 256 MiB in all: the rest is buffers, caches and tables of the store, threads and requests.
BUDGET_MIB = 256
DOCUMENT_CACHE = "64MiB"
STARTS = 5
STORE_PEER = os.path.join(os.path.dirname(os.path.abspath(os.environ["SYNCD"])), "..", "tests", "benchmarks", "stores",
                          "store_peer")


def budgeted(name):
    agent = Agent(name, "--log-level", "error")
    agent.flags += ["--config", agent.place.write("syncd.toml", f'[store]\ndocument_cache = "{DOCUMENT_CACHE}"\n')]
    return agent


def small_document(number):
    return {"n": number, "title": f"a small document, number {number}"}


def imported(count, *flags):
    """Documents a second of a whole run of `syncctl import`."""
    agent = Agent("import", "--log-level", "error").start()
    try:
        file = agent.place.write("documents.ndjson",
                                 "".join(json.dumps(small_document(number)) + "\n" for number in range(count)))
        begun = time.monotonic()
        agent.ok("-q", "import", file, *flags)
        return count / (time.monotonic() - begun)
    finally:
        agent.close()
        agent.place.close()


def made(agent, lines):
    """Ids of the documents that these requests make."""
    connection = Connection(agent)
    writer = threading.Thread(target=connection.send, args=(b"".join(lines),))
    writer.start()
    got, answered = [], 0
    while answered < len(lines):
        got.append(connection.socket.recv(1 << 20))
        answered += got[-1].count(b"\n")
    writer.join()
    connection.close()
    answers = b"".join(got)
    if b'"error"' in answers:
        raise AssertionError(answers[:500])
    return [found.decode() for found in re.findall(rb'"id":"(automerge:[^"]+)"', answers)]


def peak(agent):
    """The most MiB that were ever resident of this process."""
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def start(agent):
    """Milliseconds until it answers."""
    begun = time.monotonic()
    agent.start()
    Connection(agent).ask("agent.hello")
    return (time.monotonic() - begun) * 1000


def starts_after_kill(agent, document):
    """Milliseconds, the slowest of some; a write before each kill leaves a log to be read."""
    slowest = 0
    for number in range(STARTS):
        answer = Connection(agent).ask("doc.set", doc=document, edits=[{"pointer": "/n", "value": number}])
        assert "result" in answer, answer
        agent.process.send_signal(signal.SIGKILL)
        agent.process.wait()
        slowest = max(slowest, start(agent))
    return slowest


def a_million(count, table):
    agent = budgeted("million").start()
    try:
        ids, begun = [], time.monotonic()
        for first in range(0, count, PART):
            ids += made(agent, [request(number, "doc.new", value=small_document(number))
                                for number in range(first, min(count, first + PART))])
        assert len(ids) == count, len(ids)
        table.add(f"{count:,} small documents made through the socket", f"{count / (time.monotonic() - begun):,.0f}/s", "")
        table.add("resident meanwhile, at most, MiB", f"{peak(agent):,.0f}", f"<= {BUDGET_MIB}")
        table.add(f"start after `kill -9`, {directory_bytes(agent.store) / (1 << 20):,.0f} MiB, slowest of {STARTS}",
                  f"{starts_after_kill(agent, ids[0]):,.0f} ms", "<= 500 ms")
        random.Random(1).shuffle(ids)
        agent.stop()
        agent.start()
        connection, times = Connection(agent), []
        for document in ids[:5_000]:
            begun = time.monotonic()
            connection.ask("doc.get", doc=document, pointer="/n")
            times.append(time.monotonic() - begun)
        table.add("`doc.get` of a document not read before, p99 of 5,000", f"{p99(times):.2f} ms", "<= 1 ms")
        begun = time.monotonic()
        for first in range(0, count, PART):
            pipelined(agent, [request(number, "doc.get", doc=document, pointer="/n")
                              for number, document in enumerate(ids[first:first + PART])])
        table.add("every document read once, in no order", f"{count / (time.monotonic() - begun):,.0f}/s", "")
        table.add("resident meanwhile, at most, MiB", f"{peak(agent):,.0f}", f"<= {BUDGET_MIB}")
    finally:
        agent.close()
        agent.place.close()


def id_of(text):
    """An id of 32 hexadecimal digits as a UUID, which stands for the same bytes."""
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def fill(folder, megabytes):
    """Documents of 48 kB, through the Store alone; the first of them."""
    os.makedirs(folder, mode=0o700)
    done = subprocess.run([STORE_PEER, "fill", folder, str(megabytes)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def damage(agent):
    """Flips a bit in the block of some change; the document whose it is."""
    tables = sorted(glob.glob(os.path.join(agent.store, "db", "*.sst")), key=os.path.getsize)
    for table in tables[len(tables) // 2:] + tables:
        dump = subprocess.run([SYNCCTL, "-o", "json", "debug", "table", table], capture_output=True, check=True)
        blocks = [block for block in json.loads(dump.stdout)["items"] if re.match(r"d/\w+/c/", block["first"])]
        if blocks:
            block = blocks[len(blocks) // 2]
            flip(table, block["offset"] + block["bytes"] // 2)
            return id_of(block["first"].split("/")[1])
    raise AssertionError("no table holds changes")


def repaired(agent):
    """Seconds that the reader who meets a damaged block waits until its table was written anew, and the changes lost."""
    agent.stop()
    document = damage(agent)
    agent.start()
    connection = Connection(agent)
    begun = time.monotonic()
    connection.ask("doc.get", doc=document)
    took = time.monotonic() - begun
    lost = sum(len(entry["missing"]) for entry in agent.json("quarantine", "ls")["items"])
    assert lost > 0, "the damage was not met"
    return took, lost


def of_size(megabytes, table):
    """Milliseconds of the slowest start."""
    agent = Agent("large", "--log-level", "error")
    try:
        begun = time.monotonic()
        first = fill(agent.store, megabytes)
        took = time.monotonic() - begun
        agent.start()
        size = directory_bytes(agent.store) / (1 << 20)
        table.add(f"store of {size:,.0f} MiB made", f"{size / took:,.0f} MiB/s", "")
        slowest = starts_after_kill(agent, first)
        table.add(f"start after `kill -9`, {size:,.0f} MiB, slowest of {STARTS}", f"{slowest:,.0f} ms", "<= 500 ms")
        took, lost = repaired(agent)
        table.add(f"one damaged table repaired when it is met, {size:,.0f} MiB", f"{took * 1000:,.0f} ms", "<= 1 s")
        table.add("changes that it cost", f"{lost}", "those of the block")
        return slowest
    finally:
        agent.close()
        agent.place.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--import", dest="imports", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--megabytes", default="100,10240")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    arguments = parser.parse_args()
    table = Table("| figure | measured | target |", "| --- | --: | --: |")
    if arguments.imports:
        table.add(f"`syncctl import` of {arguments.imports:,} small documents", f"{imported(arguments.imports):,.0f}/s",
                  ">= 20,000/s")
        table.add("the same, each with a name", f"{imported(arguments.imports, '--into', 'd'):,.0f}/s", "")
    if arguments.documents:
        a_million(arguments.documents, table)
    starts = [of_size(int(megabytes), table) for megabytes in arguments.megabytes.split(",") if int(megabytes)]
    if len(starts) > 1:
        table.add("start of the largest against the smallest", f"{starts[-1] / starts[0]:.1f}x", "<= 2x")
    if arguments.write:
        put_into_results("scale", "\n".join([
            "## The store at scale", "",
            f"By `scale_bench.py --import {arguments.imports} --documents {arguments.documents} --megabytes "
            f"{arguments.megabytes}`, {os.cpu_count()} cores;", f"the million documents with `document_cache = \"{DOCUMENT_CACHE}\"`.",
            "", *table.lines]) + "\n")


if __name__ == "__main__":
    main()
