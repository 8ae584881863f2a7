#!/usr/bin/env python3
"""The house rules that a program can check; each one is a ctest test of its own.

    check.py [--root DIR] RULE…      layers, coroutines, sizes, includes, words, headers, format, self-test
    check.py --update-sizes          write down today's long functions (tests/house_rules/long_functions.txt)

Prints one line a finding, "file:line: what; what to do", and exits 1 when there is one.
Exits 77, which ctest counts as skipped, when a rule needs a tool that is missing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from functions import functions_of, without_comments_and_strings

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
SKIPPED = 77
SOURCE_FOLDERS = ("core", "agent", "cli", "tests")


def source_files(root, folders=SOURCE_FOLDERS, suffixes=(".h", ".cpp")):
    """Repository-relative paths, sorted; dependencies and build folders are left out."""
    found = []
    for folder in folders:
        for place, names, files in os.walk(os.path.join(root, folder)):
            names[:] = [n for n in names if n not in ("node_modules", "corpus") and not n.startswith("build")]
            found += [os.path.relpath(os.path.join(place, f), root) for f in files if f.endswith(suffixes)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def here(root, name):
    return os.path.join(root, "tests", "house_rules", name)


# ---------------------------------------------------------------------------------------- layers


def read_layers(path):
    """Module -> set of modules it may include. Raises ValueError on a cycle or a malformed line."""
    allowed = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            module, colon, rest = line.partition(":")
            if not colon or module in allowed:
                raise ValueError(f"{path}:{number}: expected one new \"module: modules\"")
            allowed[module] = set(rest.split())
    for module, uses in allowed.items():
        wildcards = {u for u in uses if u.endswith("/*")}
        expanded = {m for m in allowed for w in wildcards if m.startswith(w[:-1]) and m != module}
        allowed[module] = (uses - wildcards) | expanded
        unknown = allowed[module] - set(allowed)
        if unknown:
            raise ValueError(f"{path}: {module} names unknown modules {sorted(unknown)}")
    done = set()
    while len(done) < len(allowed):
        ready = {m for m, uses in allowed.items() if m not in done and uses <= done}
        if not ready:
            raise ValueError(f"{path}: a cycle among {sorted(set(allowed) - done)}")
        done |= ready
    return allowed


def check_layers(root):
    allowed = read_layers(here(root, "layers.txt"))
    for path in source_files(root, ("core", "agent", "cli")):
        module = os.path.dirname(path)
        if module not in allowed:
            yield f"{path}:1: module {module} is not in layers.txt; add it with its arrows, or move the file"
            continue
        for number, line in enumerate(read(root, path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            included = os.path.dirname(match.group(1))
            if included == module or included in allowed[module]:
                continue
            if included in allowed:
                yield f"{path}:{number}: {module} may not use {included}; see layers.txt"
            else:
                yield f"{path}:{number}: \"{match.group(1)}\" is not a path from the root into a module"


# ------------------------------------------------------------------------------------ coroutines


def await_arguments(text, start):
    """What stands between the outer parentheses of the call after `co_await` at start, or ''."""
    opening = re.compile(r"co_await\s+[\w:.>\-<]*\s*\(").match(text, start)
    if not opening:
        return ""
    depth, position = 1, opening.end()
    while position < len(text) and depth > 0:
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return text[opening.end():position - 1]


def check_coroutines(root):
    """GCC 12 miscompiles co_await inside a larger expression, and aggregates or lambdas in its arguments."""
    for path in source_files(root):
        text = without_comments_and_strings(read(root, path))
        for match in re.finditer(r"\bco_await\b", text):
            line = text.count("\n", 0, match.start()) + 1
            before = text[:match.start()].rstrip()
            if re.search(r"(\(|\?|!|&&|\|\||,|[^=!<>]==|\bco_return|\breturn)$", before) and not re.search(
                    r"\bfor\s*\($", before):
                yield f"{path}:{line}: co_await inside an expression; give its result a name first"
            if re.search(r"[\[{]", await_arguments(text, match.start())):
                yield f"{path}:{line}: a brace or lambda in co_await's arguments; give the argument a name first"


# ----------------------------------------------------------------------------------------- sizes


def long_functions(root):
    """Yields (path, name, lines, first line) of each function over the limit, tests included."""
    for path in source_files(root):
        for function in functions_of(read(root, path)):
            if function.lines > FUNCTION_LINES_MAX:
                yield path, function.name, function.lines, function.line


def read_ratchet(root):
    ratchet = {}
    try:
        text = read(root, "tests/house_rules/long_functions.txt")
    except FileNotFoundError:
        return ratchet
    for line in text.splitlines():
        if line and not line.startswith("#"):
            path, name, lines = line.split("\t")
            ratchet[(path, name)] = int(lines)
    return ratchet


def check_sizes(root):
    ratchet = read_ratchet(root)
    seen = set()
    for path, name, lines, first in long_functions(root):
        seen.add((path, name))
        limit = ratchet.get((path, name))
        if limit is None:
            yield f"{path}:{first}: {name} has {lines} lines, over {FUNCTION_LINES_MAX}; split it"
        elif lines > limit:
            yield f"{path}:{first}: {name} grew from {limit} to {lines} lines; it may only shrink"
        elif lines < limit:
            yield f"{path}:{first}: {name} shrank to {lines} lines; run check.py --update-sizes to keep it there"
    for path, name in sorted(set(ratchet) - seen):
        yield f"{path}:1: {name} is no longer over {FUNCTION_LINES_MAX} lines; run check.py --update-sizes"
    for path in source_files(root, ("core", "agent", "cli")):
        count = len(read(root, path).splitlines())
        if count > 2 * FILE_LINES_MAX:
            yield f"{path}:1: {count} lines; a file over {2 * FILE_LINES_MAX} holds more than one concept, split it"


def update_sizes(root):
    rows = sorted({(p, n): l for p, n, l, _ in long_functions(root)}.items())
    with open(here(root, "long_functions.txt"), "w", encoding="utf-8") as file:
        file.write(f"# Functions over {FUNCTION_LINES_MAX} lines: file, name, lines. They may shrink, never grow, and\n"
                   "# no new one is added without a reason in its commit. Written by check.py --update-sizes.\n")
        for (path, name), lines in rows:
            file.write(f"{path}\t{name}\t{lines}\n")


# ----------------------------------------------------------------------------------------- includes


def included_files(root, path, known):
    """The project's headers that path includes, directly or not; known keeps what was found before."""
    if path not in known:
        known[path] = set()
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(root, path), re.M):
            if os.path.exists(os.path.join(root, name)):
                known[path] |= {name} | included_files(root, name, known)
    return known[path]


DECLARED_TYPE = re.compile(r"^(?:class|struct|enum class|using)\s+(?:\[\[\w+\]\]\s*)?(\w+)", re.M)
DECLARED_FUNCTION = re.compile(r"^(?!using|return|#)[\w:<>,&*\[\] ]+[\s&*>](\w{5,})\(", re.M)


def check_includes(root):
    """Batched builds compile sources together and would hide that one of them lacks an include."""
    allowed = read_layers(here(root, "layers.txt"))
    ours = {os.path.basename(module) for module in allowed} | {"converge"}
    text, words, declared, known = {}, {}, {}, {}
    for path in source_files(root, ("core", "agent", "cli")):
        text[path] = without_comments_and_strings(read(root, path))
        words[path] = set(re.findall(r"\w+", text[path]))
        if path.endswith(".h"):
            for name in DECLARED_TYPE.findall(text[path]) + DECLARED_FUNCTION.findall(text[path]):
                declared.setdefault(name, set()).add(path)
    for path in (p for p in text if p.endswith(".cpp")):
        module = os.path.dirname(path)
        seen = included_files(root, path, known)
        visible = set().union(*(words[p] for p in seen if p in words))
        for name in sorted((words[path] & set(declared)) - visible):
            homes = sorted(h for h in declared[name] if os.path.dirname(h) in allowed.get(module, set()) | {module})
            used = re.search(rf"(?<![\w.>~:])((?:\w+::)*){name}\b(?=\(|\{{|\s+\w+[;({{=)]|::|&|\*)", text[path])
            made_here = re.search(rf"(?:\b(?!return|co_return|co_await|else)\w+|[>&*])\s+[&*]?{name}\b", text[path])
            if homes and used and not made_here and set(used.group(1).split("::")[:-1]) <= ours:
                line = text[path].count("\n", 0, used.start()) + 1
                yield f"{path}:{line}: {name} is declared in {homes[0]}; include it"


# ----------------------------------------------------------------------------------------- words

# (pattern, files it applies to, what to do). Patterns see code without comments and strings.
CODE_WORDS = [
    (r"\bstd::views::|\bstd::ranges::views\b", r"", "views do not compile on clang 14; write a loop or an algorithm"),
    (r"\bstd::source_location\b", r"", "not in clang 14; pass the place as an argument"),
    (r"\bnamespace\s+sync\b(?!\s*=)", r"(?!core/sync/)", "<unistd.h> declares sync(); only converge::sync exists"),
    (r"\busing\s+namespace\s+std\s*;", r"", "name what you use"),
    (r"\b(std::cout|std::cerr|printf|std::printf|puts)\b", r"core/(?!base/assert\.cpp)", "core never prints; return a value or an Error"),
    (r"\b(getenv|secure_getenv)\b", r"core/", "core never reads the environment; take it as an argument"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\b", r"(core|cli|agent/(?!runtime/|main\.cpp))", "no sleeping; wait for the event with a deadline"),
    (r"\bsystem_clock::now\b|\btime\(nullptr\)", r"core/(?!base/)", "core never reads the wall clock; take a Clock"),
    (r"\b(std::mutex|std::shared_mutex|std::recursive_mutex)\b", r"(core/crdt|core/sync|core/engine|agent/session)/",
     "shared nothing: this module runs on one thread"),
    (r"\bstd::rand\b|\bsrand\b|\bstd::random_device\b", r"core/(?!base/)", "take a Random, so that a seed repeats the run"),
    (r"\basio::detached\b|\bnet::detached\b", r"agent/", "a detached coroutine loses its exception; report it in a handler"),
]
# Patterns that see the file as it is, comments included.
TEXT_WORDS = [
    (r"(?<![\w./])/(work|root)/|/tmp/b-", r"", "no paths of one machine"),
    (r"\b(FIXME|XXX|HACK)\b", r"", "say what must hold, or write TODO with a condition"),
    (r"\bTODO\b(?!.*\b(when|once|if|until)\b)", r"", "a TODO names its condition: \"TODO: ... when ...\""),
    (r"NOLINT(NEXTLINE|BEGIN|END)?(?!\w*\([\w.,\- *]+\))", r"", "a NOLINT names its check and the reason"),
]
# Headers that may include a slow library after all, and why.
SLOW_HEADERS_ALLOWED = {
    "core/verbs/json_forms.h",  # turns documents into JSON values; stays inside core/verbs
    "agent/control/call.h",     # a request's parameters are JSON; stays inside agent/control
}
HEADER_ONLY_IN_CPP = r'#\s*include\s+[<"](nlohmann/json\.hpp|CLI/|leveldb/|openssl/|zlib\.h|libdeflate\.h|boost/beast)'


def check_words(root):
    for path in source_files(root):
        if path.startswith("tests/house_rules/"):
            continue
        text = read(root, path)
        code = without_comments_and_strings(text)
        for patterns, subject in ((CODE_WORDS, code), (TEXT_WORDS, text)):
            for pattern, files, advice in patterns:
                if not re.match(files, path):
                    continue
                for match in re.finditer(pattern, subject):
                    line = subject.count("\n", 0, match.start()) + 1
                    yield f"{path}:{line}: \"{match.group(0).strip()}\": {advice}"


def check_headers(root):
    for path in source_files(root, suffixes=(".h",)):
        text = read(root, path)
        if not re.search(r"^#pragma once$", text, re.M):
            yield f"{path}:1: no #pragma once"
        for match in re.finditer(HEADER_ONLY_IN_CPP, text):
            if path.startswith("tests/") or path in SLOW_HEADERS_ALLOWED:
                continue
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match.group(1)} belongs into a .cpp file; forward-declare or hide it"
    for path in source_files(root, ("core", "agent", "cli"), (".cpp",)):
        first = re.search(r'^#\s*include\s+(.*)$', read(root, path), re.M)
        own = path[:-len(".cpp")] + ".h"
        if first and os.path.exists(os.path.join(root, own)) and first.group(1).strip() != f'"{own}"':
            yield f"{path}:1: the first include is the file's own header"


def check_format(root):
    tool = shutil.which("clang-format-14")
    if tool is None:
        print("SKIPPED: clang-format-14 is not installed")
        sys.exit(SKIPPED)
    files = source_files(root)
    run = subprocess.run([tool, "-style=file", "--dry-run", *files], cwd=root, capture_output=True, text=True)
    badly_formatted = sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: warning: code should be clang-formatted", run.stderr, re.M)))
    for path in badly_formatted:
        yield f"{path}:1: not formatted; run clang-format-14 -i {path}"


# ------------------------------------------------------------------------------------- self-test

PLANTED = {
    "layers": ("core/crdt/a.cpp", '#include "core/store/b.h"\n'),
    "coroutines": ("agent/net/a.cpp", "task f() {\n  if (co_await g()) co_return;\n}\n"),
    "sizes": ("core/base/a.cpp", "int f() {\n" + "  g();\n" * 80 + "}\n"),
    "includes": ("core/base/g.cpp", "int g() { return first_word(3); }\n"),
    "words": ("core/base/b.cpp", "void f() { std::cout << 1; }\n"),
    "headers": ("core/base/c.h", '#include <leveldb/db.h>\n'),
    "format": ("core/base/d.cpp", "int   f( ) { return 1 ; }\n"),
}
INNOCENT = {
    "agent/net/e.cpp": ("task f() {\n  const bool ready = co_await connect(options);\n  co_await wait(ready);\n"
                        "  // if (co_await f()) is what GCC miscompiles\n}\n"),
    "core/base/first_word.h": "#pragma once\n\nint first_word(int at);\n",
    "core/base/f.h": "#pragma once\n\nconst char* f();  ///< \"std::cout\" is only mentioned\n",
}


def check_self_test(root):
    """Each rule finds its planted breach and nothing in innocent code: a rule that cannot fail is none."""
    for rule, (path, text) in PLANTED.items():
        with tempfile.TemporaryDirectory() as planted:
            os.makedirs(here(planted, ""))
            shutil.copy(here(root, "layers.txt"), here(planted, "layers.txt"))
            shutil.copy(os.path.join(root, ".clang-format"), planted)
            for name, content in INNOCENT.items():
                write(planted, name, content)
            if rule != "format" or shutil.which("clang-format-14"):
                for finding in RULES[rule](planted):
                    yield f"self-test: {rule} finds fault with innocent code: {finding}"
                write(planted, path, text)
                if not any(f.startswith(path) for f in RULES[rule](planted)):
                    yield f"self-test: {rule} does not find the breach planted in {path}"
    with tempfile.TemporaryDirectory() as planted:
        os.makedirs(here(planted, ""))
        write(planted, "tests/house_rules/layers.txt", "core/a: core/b\ncore/b: core/a\n")
        try:
            read_layers(here(planted, "layers.txt"))
            yield "self-test: a cycle in layers.txt goes unnoticed"
        except ValueError:
            pass


def write(root, path, text):
    os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
        file.write(text)


RULES = {
    "layers": check_layers,
    "coroutines": check_coroutines,
    "sizes": check_sizes,
    "includes": check_includes,
    "words": check_words,
    "headers": check_headers,
    "format": check_format,
    "self-test": check_self_test,
}


def main(arguments):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if arguments[:1] == ["--root"]:
        root, arguments = os.path.abspath(arguments[1]), arguments[2:]
    if arguments == ["--update-sizes"]:
        update_sizes(root)
        return 0
    unknown = [a for a in arguments if a not in RULES]
    if unknown or not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    findings = [finding for rule in arguments for finding in RULES[rule](root)]
    print("\n".join(findings) if findings else f"{' '.join(arguments)}: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
