#!/usr/bin/env python3
"""The same small-document writes on our Store and on other stores: durable writes a second, start after a kill, memory.

    BUILD=build/release tests/benchmarks/stores_bench.py [--single N] [--many N] [--rounds N] [--write]

Each store gets the same batches, recorded from what our Store writes for one append (change, receipt, header, commit
record): --single of them by 1 writer, --many by 16, each durable before its writer goes on. Stores that group the
writes of several threads do. Then the process is killed, and started again for the figures of a start. All on the disk
below TMPDIR, one behind the other, the whole --rounds times, of which the best counts. Needs the targets below
build/release/tests/benchmarks/stores, and Go for Pebble and Badger; what is missing is left out and said so.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build", "release")))
os.environ.setdefault("SYNCD", os.path.join(BUILD, "bin", "syncd"))
os.environ.setdefault("SYNCCTL", os.path.join(BUILD, "bin", "syncctl"))

from control_bench import Agent, put_into_results  # noqa: E402

GO = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
STARTS = 5
BUILD_S = 600


class DoesNotOpen(Exception):
    """A store that its own program does not open after the process was killed."""


def kill(process):
    process.kill()
    process.wait()


def resident_of(pid):
    """MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmRSS"].split()[0]) / 1024


class Peer:
    """One store: a program that does what stores/peer.h says, and a folder for it."""

    def __init__(self, title, program, folder):
        self.title = title
        self.program = program
        self.folder = os.path.join(folder, os.path.basename(program) + ".data")

    def run(self, *words):
        return subprocess.Popen([self.program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write_words(self, trace, writers, count):
        return "write", self.folder, trace, str(writers), str(count)

    def start_words(self, trace, _count):
        return "start", self.folder, trace

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder, mode=0o700)

    def writes(self, trace, writers, count):
        """Batches a second, and microseconds of processor time for each; leaves a store whose process was killed."""
        self.empty()
        process = self.run(*self.write_words(trace, writers, count))
        seconds = process.stdout.readline()
        kill(process)
        if not seconds.strip():
            raise AssertionError(f"{self.title} fails")
        passed, processor = map(float, seconds.split())
        return count / passed, processor / count * 1e6

    def start(self, trace, count):
        """Milliseconds from the start of the process to the first read."""
        begun = time.monotonic()
        process = self.run(*self.start_words(trace, count))
        ready = process.stdout.readline()
        took = time.monotonic() - begun
        if ready.strip() != "ready":
            kill(process)
            raise DoesNotOpen
        return took * 1000, process

    def starts(self, trace, count):
        """Milliseconds: the first start, which finds the log as the kill left it, and the median of further ones; then
        the MiB that are resident with everything read once."""
        first, process = self.start(trace, count)
        kill(process)
        times = []
        for _ in range(STARTS):
            took, process = self.start(trace, count)
            times.append(took)
            if len(times) < STARTS:
                kill(process)
        process.stdin.write("\n")
        process.stdin.flush()
        found = int(process.stdout.readline())
        if found < count:
            raise AssertionError(f"{self.title} has {found} of {count} changes")
        memory = resident_of(process.pid)
        kill(process)
        return first, statistics.median(times), memory


class OurStore(Peer):
    def write_words(self, trace, writers, count):
        return "write", self.folder, self.record(writers), str(writers), str(count)

    def start_words(self, _trace, count):
        return "start", self.folder, str(count)

    def record(self, writers):
        return f"{self.folder}.record-{writers}"


class OurAgent:
    """The agent with the same documents, asked through its socket."""

    title = "converge, agent"

    def __init__(self, program, store):
        self.program = program
        self.store = store  # an OurStore, whose files are taken over

    def writes(self, writers, count):
        agent = Agent("bench", "--log-level", "error").start()
        try:
            done = subprocess.run([self.program, agent.socket_path, str(writers), str(count)], capture_output=True,
                                  text=True, check=True)
            return count / float(done.stdout)
        finally:
            agent.close()
            agent.place.close()

    def starts(self):
        agent = Agent("bench", "--log-level", "error")
        try:
            shutil.copytree(self.store.folder, agent.store)
            times = []
            for _ in range(STARTS + 1):
                begun = time.monotonic()
                agent.start()
                agent.ok("version")
                times.append((time.monotonic() - begun) * 1000)
                if len(times) <= STARTS:
                    agent.kill()
            agent.ok("query", "$.n", "--count")
            return times[0], statistics.median(times[1:]), resident_of(agent.process.pid)
        finally:
            agent.close()
            agent.place.close()


def built_by_go(name, folder):
    """The program, or nothing and the reason."""
    if GO is None:
        return None, "go is not installed"
    program = os.path.join(folder, name + "_peer")
    done = subprocess.run([GO, "build", "-o", program, "./" + name], cwd=os.path.join(HERE, "stores"), text=True,
                          env=dict(os.environ, GOFLAGS="-mod=readonly", GOTOOLCHAIN="local"), capture_output=True,
                          timeout=BUILD_S, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip().splitlines()[-1]
    return program, None


def built_here(name):
    program = os.path.join(BUILD, "tests", "benchmarks", "stores", name)
    return (program, None) if os.path.exists(program) else (None, f"{program} is not built")


def peers(folder):
    """Those at hand; the rest is told."""
    wanted = [("LevelDB 1.23", lambda: built_here("leveldb_peer")), ("RocksDB 7.8", lambda: built_here("rocksdb_peer")),
              ("Pebble 1.1", lambda: built_by_go("pebble", folder)), ("Badger 4", lambda: built_by_go("badger", folder))]
    found = []
    for title, build in wanted:
        program, reason = build()
        if program:
            found.append(Peer(title, program, folder))
        else:
            print(f"LEFT OUT: {title}: {reason}", file=sys.stderr)
    return found


def ratio(ours, theirs, more_is_better):
    return ours / theirs if more_is_better else theirs / ours


def cells(values, more_is_better, form):
    """Ours as it is, others with how many times better ours is."""
    ours = values[0]
    return [form.format(ours)] + ["-" if value is None else f"{form.format(value)} ({ratio(ours, value, more_is_better):.1f}x)"
                                  for value in values[1:]]


class Best:
    """The best of several rounds, by name: what disturbs a measurement only ever makes it worse."""

    def __init__(self):
        self.found = {}
        self.unopened = {}  # how often a store did not open after a kill

    def add(self, name, value, more_is_better):
        pick = max if more_is_better else min
        self.found[name] = pick(self.found.get(name, value), value)


def measure(folder, arguments):
    store = OurStore("converge, `Store`", built_here("store_peer")[0], folder)
    trace = os.path.join(folder, "trace")
    subprocess.run([store.program, "trace", trace, str(arguments.many)], check=True)
    raw = Peer("LevelDB", built_here("leveldb_peer")[0], folder)
    everyone = [store, *peers(folder)]
    agent = OurAgent(built_here("agent_peer")[0], store)
    best = Best()
    for turn in range(arguments.rounds):
        order = list(everyone)
        random.Random(turn).shuffle(order)
        for peer in order:
            for writers, count in ((1, arguments.single), (16, arguments.many)):
                rate, cost = peer.writes(trace, writers, count)
                best.add((peer.title, writers), rate, True)
                best.add((peer.title, "cost", writers), cost, False)
                print(f"{peer.title}, {writers}: {rate:,.0f}/s, {cost:.1f} us", flush=True)
            try:
                for what, value in zip(("first", "start", "memory"), peer.starts(trace, arguments.many)):
                    best.add((peer.title, what), value, False)
                    print(f"{peer.title}, {what}: {value:.1f}", flush=True)
            except DoesNotOpen:
                assert peer is not store, "our own store does not open after a kill"
                best.unopened[peer.title] = best.unopened.get(peer.title, 0) + 1
                print(f"{peer.title} does not open after the kill", flush=True)
            if peer is not store:
                peer.empty()
                continue
            for writers, count in ((1, arguments.single), (16, arguments.many)):
                groups = batches_in(store.record(writers))
                rate, cost = raw.writes(store.record(writers), 1, groups)
                best.add(("raw", writers), rate * count / groups, True)
                best.add(("raw", "cost", writers), cost * groups / count, False)
                best.add((agent.title, writers), agent.writes(writers, count // 4), True)
            for what, value in zip(("first", "start", "memory"), agent.starts()):
                best.add((agent.title, what), value, False)
    return [store.title, agent.title, *(peer.title for peer in everyone[1:])], best


def batches_in(path):
    """Batches of a trace."""
    with open(path, "rb") as file:
        content = file.read()
    at, batches = 0, 0
    number = lambda place: int.from_bytes(content[place:place + 4], "little")  # noqa: E731
    while at < len(content):
        records = number(at)
        at += 4
        for _ in range(records):
            at += 8 + number(at) + number(at + 4)
        batches += 1
    return batches


def report(titles, best, arguments):
    found = best.found
    lines = ["## Beside other stores", "",
             f"By `stores_bench.py --single {arguments.single} --many {arguments.many} --rounds {arguments.rounds}`, "
             f"{os.cpu_count()} cores: the best of the rounds, all in one run on one disk.",
             "A write is what one small change needs, four records of about 400 bytes in all, the same bytes for everybody,",
             "durable before its writer goes on; who groups the writes of several threads may. In brackets how many times",
             "better `Store` is. The agent is asked through its socket: its requests are parsed, its edits made and hashed.", "",
             "| figure | " + " | ".join(titles) + " |", "| --- |" + " --: |" * len(titles)]
    rows = [(f"durable writes a second, 1 writer, {arguments.single:,}", 1, True, "{:,.0f}"),
            (f"durable writes a second, 16 writers, {arguments.many:,}", 16, True, "{:,.0f}"),
            ("processor time for each of them, us", ("cost", 16), False, "{:,.1f}"),
            ("first start after the kill, ms", "first", False, "{:,.1f}"),
            (f"start after another kill, median of {STARTS}, ms", "start", False, "{:,.1f}"),
            ("resident with everything read once, MiB", "memory", False, "{:,.0f}")]
    for title, key, more_is_better, form in rows:
        values = [found.get((name, *key) if isinstance(key, tuple) else (name, key)) for name in titles]
        lines.append(f"| {title} | " + " | ".join(cells(values, more_is_better, form)) + " |")
    lines += ["", *(f"{title} did not open its files after a kill in {times} of {arguments.rounds} rounds."
                    for title, times in best.unopened.items())]
    lines += ["", "| appends through `Store` against LevelDB writing the same groups of the same bytes | `Store` | LevelDB | "
              "share | target | processor time, us |", "| --- | --: | --: | --: | --: | --: |"]
    for writers in (1, 16):
        ours, raw = found["converge, `Store`", writers], found["raw", writers]
        costs = found["converge, `Store`", "cost", writers], found["raw", "cost", writers]
        lines.append(f"| {writers} writer{'s' if writers > 1 else ''} | {ours:,.0f}/s | {raw:,.0f}/s | {100 * ours / raw:.0f} % | "
                     f">= 70 % | {costs[0]:.1f}, {costs[1]:.1f} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--single", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="converge-stores-")
    try:
        text = report(*measure(folder, arguments), arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(text)
    if arguments.write:
        put_into_results("stores", text)


if __name__ == "__main__":
    main()
