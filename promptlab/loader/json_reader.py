"""Strict JSON: fast where all is well, careful where it is not."""

import json
import math
import re
from typing import Any, NoReturn

from promptlab.core.json import JSON
from promptlab.loader.json_scanner import DEEPEST, MOST_NODES, JsonFaultError, after_blanks, scan_json
from promptlab.loader.nodes import Node, value_of
from promptlab.loader.problems import Problems
from promptlab.loader.source_text import SourceText

__all__ = ["add_fault", "decode_json", "loads", "read_json"]

SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
SURELY_64_BITS = 18
DOCUMENT_NODES = 100_000


def read_json(source: SourceText, problems: Problems) -> Node | None:
    """A JSON text as a tree with places; None, and a problem, where it is none."""
    try:
        return scan_json(source, DOCUMENT_NODES)
    except JsonFaultError as fault:
        add_fault(problems, fault)
        return None


def loads(source: SourceText) -> JSON:
    """The value of a JSON text; raises JsonFaultError with the place of the first fault.

    Faults are also duplicate keys, NaN, numbers out of range, lone surrogates, NUL and deep nesting.
    """
    value, end = decode_json(source.text, 0) or (None, -1)
    if end < 0 or source.text[end:].strip(" \t\r\n"):
        return value_of(scan_json(source))
    return value


def decode_json(text: str, start: int) -> tuple[JSON, int] | None:
    """The value that begins at an offset, and where it ends; None where a careful look is due."""
    try:
        value, end = SCAN(text, after_blanks(text, start))
    except (ValueError, StopIteration, RecursionError):
        return None
    brackets = 0 if end - start < DEEPEST else text.count("[", start, end) + text.count("{", start, end)
    if brackets > DEEPEST and (brackets > MOST_NODES or _depth(value) > DEEPEST):
        return None
    escapes = text.find("\\u", start, end)
    return None if escapes >= 0 and SUSPICIOUS.search(text, escapes, end) else (value, end)


def add_fault(problems: Problems, fault: JsonFaultError, *, hint: str | None = None) -> None:
    """Adds what is wrong with a JSON text, at its place; `hint`: what to do instead of what it says."""
    place, todo = fault.place, hint or fault.hint
    problems.add(
        place.source, place.position, str(fault), code=fault.code, hint=todo, width=min(place.width, 40)
    )


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _integer(text: str) -> int:
    if len(text) > SURELY_64_BITS:
        raise ValueError("look at it with care")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("out of range")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _depth(value: JSON) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [child for node in level for child in _children(node)]
    return depth


def _children(node: JSON) -> list[JSON]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


DECODER: Any = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_refuse
)
SCAN = DECODER.scan_once
