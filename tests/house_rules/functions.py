"""Finds the functions of a C++ file without a compiler: enough for a size check, on formatted code."""

import re
from collections import namedtuple

Function = namedtuple("Function", "name line lines")

_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<tag>[^()\\ ]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'",
    re.S)


def without_comments_and_strings(text):
    """The same text with comments and the inside of literals blanked; newlines and offsets stay."""

    def blank(match):
        found = match.group(0)
        hidden = re.sub(r"[^\n]", " ", found)
        return '"' + hidden[1:-1] + '"' if found[0] == '"' and len(found) > 1 else hidden

    return _TOKENS.sub(blank, text)


def _name_if_function(head):
    """The function's name when `head`, the text before an opening brace, begins a function body."""
    head = re.sub(r"^\s*#.*$", "", head, flags=re.M).strip()
    if not head or re.match(r"(inline\s+)?(namespace|class|struct|enum|union|extern)\b", head):
        return None
    if re.match(r"template\b.*\b(class|struct)\s+\w+[^()]*$", head, re.S):
        return None
    if re.search(r"(=|\breturn|,|\()\s*$", head):
        return None
    call = re.search(r"([~\w:]+|operator\s*\S+)\s*\(", head)
    if not call or call.group(1) in ("if", "for", "while", "switch", "catch", "alignas", "decltype"):
        return None
    name = call.group(1)
    if name in ("TEST_CASE", "SECTION", "TEST_CASE_METHOD"):
        title = re.search(r"\(\s*\S*", head)
        return name if title else None
    return name


def functions_of(text):
    """Every function defined at namespace or class scope, with its first line and its number of lines."""
    code = without_comments_and_strings(text)
    found, stack, head_start = [], [], 0
    for position, character in enumerate(code):
        if character == "{":
            inside = any(kind == "function" for kind, _, _ in stack)
            name = None if inside else _name_if_function(code[head_start:position])
            first = head_start + len(code[head_start:position]) - len(code[head_start:position].lstrip())
            kind = "function" if name else "other"
            if not name and not inside and re.search(r"[=,(]\s*$|\breturn\s*$|\w\s*$", code[head_start:position]) \
                    and not re.match(r"\s*(inline\s+)?(namespace|class|struct|enum|union|extern|template)\b",
                                     re.sub(r"^\s*#.*$", "", code[head_start:position], flags=re.M)):
                kind = "initialiser"
            stack.append((kind, name, first))
            if kind != "initialiser":
                head_start = position + 1
        elif character == "}" and stack:
            kind, name, first = stack.pop()
            if kind == "function":
                line = code.count("\n", 0, first) + 1
                title = name
                if name.startswith("TEST_CASE"):
                    written = re.search(r'\(\s*"([^"]*)"', text[first:position])
                    title = f"{name} {written.group(1) if written else ''}".strip()
                found.append(Function(title, line, code.count("\n", first, position) + 1))
            if kind != "initialiser":
                head_start = position + 1
        elif character == ";" and (not stack or stack[-1][0] not in ("function", "initialiser")):
            head_start = position + 1
    return found
