#!/usr/bin/env python3
"""Where the time of a workload goes: perf's samples, added up by part of the program.

    tests/benchmarks/profile_bench.py --build build/release [--write] [WORKLOAD ...]

Without names: the workloads that RESULTS.md shows short of their goal. --write puts the table into RESULTS.md.
Needs Linux perf and the right to use it.
"""

import argparse
import os
import re
import subprocess
import tempfile

from control_bench import put_into_results

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "RESULTS.md")

# Part of the program: library, symbol. The first that fits counts.
PARTS = (
    ("pages", r"kernel|vmlinux", r""),
    ("SHA-256", r"libcrypto", r""),
    ("deflate", r"libdeflate|libz", r""),
    ("allocator", r"libc\.|jemalloc|libstdc", r"alloc|free|operator (new|delete)"),
    ("copy, compare", r"libc\.", r"mem(cpy|move|set|cmp)"),
    ("format, codec", r"", r"converge::(format|codec|model)::"),
    ("op set", r"", r"converge::crdt::"),
    ("engine, sync", r"", r"converge::(engine|sync)::"),
    ("other", r"", r""),
)

# Why a goal is missed and what is left to do about it, by workload.
REASONS = (
    (r"^local/.*/change_each|^maps/overwrite_100k/change_each",
     "Encoding and hashing each change at once is half of it (compare `hashes_later`): a body of a hundred bytes in "
     "fourteen columns, then SHA-256 of it. Both are needed before the change may leave; nothing else of the change is "
     "done twice. What is left is many small calls, none above a fifteenth."),
    (r"^local/.*/(hashes_later|one_change)",
     "Splicing into the tree of spans: finding the index, splitting and joining runs, keeping the sums above them. A flat "
     "profile; the tree answers four units and the place of every id, which a rope of text alone need not."),
    (r"^load/.*/verified",
     "Rebuilding and hashing every change, which untrusted bytes need; `from_store` is the same without."),
    (r"^load/.*/from_store|^load/.*_and_edit",
     "Decoding columns into rows and rows into spans. The rows in between (144 bytes each) cost page faults: they are "
     "kept because verification and loading both walk them."),
    (r"^save/",
     "A third deflating, a third encoding columns, the rest walking the spans. One insertion changes each large column (ids, "
     "keys, text, lengths), so compressed bytes that were kept for unchanged columns would save next to nothing."),
    (r"^merge/",
     "Each update is a change of its own: header, columns, SHA-256 over its bytes, dependency order, then the op. Half is "
     "decoding; page faults come from the envelopes of a batch that is applied as a whole or not at all."),
    (r"^maps/|^small/|^rows/",
     "Hash tables of keys and registers, 100,000 of them, that no cache holds; the rest is page faults of first touch and "
     "allocations of many small documents."),
    (r"^sync/", "Bloom filters over 10,000 hashes, as the protocol of others demands; between our own agents a digest "
                "replaces them (see \"Between our own agents\")."),
)


def short_of_goal():
    names = []
    for line in open(RESULTS, encoding="utf-8"):
        found = re.match(r"\| `([^`]+)` \|.*\| (floor|\*\*above the floor\*\*) \|$", line)
        if found:
            names.append(found.group(1))
    return names


def profile(build, workload):
    """Percent of the samples by part."""
    program = "sync_bench" if workload.startswith("sync/") else "engine_bench"
    shares = dict.fromkeys((name for name, _, _ in PARTS), 0.0)
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        subprocess.run(["perf", "record", "-q", "-F", "1999", "-o", data, os.path.join(build, "tests/benchmarks", program),
                        f"--benchmark_filter=^{workload}$", "--benchmark_min_time=2"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report = subprocess.run(["perf", "report", "-i", data, "--no-children", "-F", "overhead,dso,symbol", "-t", "\t"],
                                check=True, capture_output=True, text=True).stdout
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < 3 or not cells[0].endswith("%"):
            continue
        for name, library, symbol in PARTS:
            if re.search(library, cells[1]) and re.search(symbol, cells[2]):
                shares[name] += float(cells[0][:-1])
                break
    return shares


def table(build, workloads):
    names = [name for name, _, _ in PARTS]
    lines = ["## Where the time goes", "",
             "By `profile_bench.py`: percent of perf's samples in the workloads that miss their goal; preparing the input and",
             "checking the result are in `other`.", "",
             "| workload | " + " | ".join(names) + " |", "| --- |" + " --: |" * len(names)]
    for workload in workloads:
        shares = profile(build, workload)
        lines.append(f"| `{workload}` | " + " | ".join(f"{shares[name]:.0f}" for name in names) + " |")
        print(lines[-1], flush=True)
    lines += ["", "Why they stay:", ""]
    for pattern, reason in REASONS:
        of = [f"`{workload}`" for workload in workloads if re.search(pattern, workload)]
        if of:
            lines.append(f"- {', '.join(of)}: {reason}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("workloads", nargs="*")
    options = parser.parse_args()
    text = table(options.build, options.workloads or short_of_goal())
    if options.write:
        put_into_results("profile", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
