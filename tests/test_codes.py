"""`CODES.md` names every code that a person can meet, and none that the source does not know."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from handlers.stacks import verbs
from listener import settings

ROOT = Path(__file__).parent.parent
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
WORD = re.compile(r"[A-Z][A-Z0-9]+")
OTHERS = {"PB_CONNECT", "CERTIFICATE_VERIFY_FAILED"}
"""Words of PocketBase and of OpenSSL."""
HOLED = re.compile(r"[A-Z_]+_…|…_[A-Z_]+")
TOLD = re.compile(r"([A-Z][A-Z0-9_]+) · ")
ROW = re.compile(r"^\| `([A-Z0-9_…]+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def _nodes() -> Iterator[ast.AST]:
    for room in ("listener", "handlers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from ast.walk(ast.parse(path.read_text()))


def _is_raised(call: ast.Call) -> bool:
    """An error of `listener/errors.py` is made."""
    made = ast.unparse(call.func)
    return made.startswith("errors.") or made == "super().__init__"


def _said(node: ast.AST) -> Iterator[ast.expr]:
    """The values that a node passes on: arguments, a tuple's elements, what is assigned, chosen or looked up.

    What names something (a key, a subscript, a member of a set, an export, a keyword's value, what `get` is
    asked for) is the name of a variable, not a code.
    """
    match node:
        case ast.Call(func=ast.Attribute(attr="get")):
            yield from node.args[1:]
        case ast.Call():
            yield from node.args
        case ast.Tuple():
            yield from node.elts
        case ast.Dict():
            yield from node.values
        case ast.Assign(value=value):
            yield value
        case ast.IfExp():
            yield from (node.body, node.orelse)


def _texts(node: ast.AST, wanted: re.Pattern[str]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and wanted.fullmatch(node.value):
        yield node.value


def _patterns(nodes: list[ast.AST]) -> set[str]:
    """Codes with a hole, which a call is given first; `…` is the hole."""
    firsts = [node.args[0] for node in nodes if isinstance(node, ast.Call) and node.args]
    holed = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in first.values)
        for first in firsts
        if isinstance(first, ast.JoinedStr)
    ]
    return {text for text in holed if HOLED.fullmatch(text)}


def _filled(pattern: str, upstreams: set[str]) -> set[str]:
    """The codes of a pattern; itself where OPERATIONS has the table (the guard's rules)."""
    words = {"…_REFUSED": {verb.upper() for verb in verbs.VERBS}, "GUARD_…": {"…"}}
    return {pattern.replace("…", word) for word in words.get(pattern, upstreams)}


@functools.cache
def known() -> frozenset[str]:
    """Every code of the source: said whole, at the beginning of a text, as a raised word, or with a hole."""
    nodes = list(_nodes())
    found: set[str] = set()
    upstreams: set[str] = set()
    for node in nodes:
        for value in _said(node):
            found.update(_texts(value, CODE))
        if isinstance(node, ast.Call) and node.args and _is_raised(node):
            found.update(_texts(node.args[0], WORD))
        if isinstance(node, ast.keyword) and node.arg == "upstream":
            upstreams.update(_texts(node.value, WORD))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(match[1] for match in [TOLD.match(node.value)] if match)
    for pattern in _patterns(nodes):
        found |= _filled(pattern, upstreams)
    return frozenset(found - OTHERS - {name.upper() for name in settings.Settings.model_fields})


def rows() -> list[tuple[str, str, str]]:
    """Code, meaning and remedy of each row of `CODES.md`."""
    return ROW.findall((ROOT / "CODES.md").read_text())


def test_every_code_that_the_source_knows_is_told_and_no_other() -> None:
    told = {code for code, _, _ in rows()}
    assert (sorted(known() - told), sorted(told - known())) == ([], [])


def test_a_code_has_one_row_with_a_meaning_and_a_remedy() -> None:
    lines = [line for line in (ROOT / "CODES.md").read_text().splitlines() if line.startswith("| `")]
    assert len(rows()) == len(lines)
    codes = [code for code, _, _ in rows()]
    assert sorted(codes) == sorted(set(codes))
    assert [code for code, meaning, _ in rows() if len(meaning.split()) < 4] == []


def test_names_of_variables_are_no_codes() -> None:
    """The rule that tells them apart, on both kinds."""
    assert known() >= {
        "POCKETBASE_UNREACHABLE",
        "COOLIFY_CONFLICT",
        "UNCONFIRMED",
        "CONFIGURATION",
        "PURGE_REFUSED",
    }
    assert (
        known() & {"SUDO_USER", "BASH_ENV", "NOTIFY_SOCKET", "HOLDER_COLLECTIONS", "POCKETBASE_URL"} == set()
    )
