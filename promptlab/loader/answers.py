"""Answers from anywhere, to be judged: JSON lines, each with an `output` and what else is known of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, finite
from promptlab.engine.check import shown
from promptlab.engine.check_reading import sound_row_checks
from promptlab.loader.json_reader import add_fault
from promptlab.loader.json_scanner import JsonFaultError, scan_json
from promptlab.loader.problems import Position, Problems
from promptlab.loader.source_text import SourceText

MOST_PROBLEMS = 20
ALLOWED = ("nul", "surrogate", "too-deep", "too-many-values")  # in an answer, which is data
OUTPUT = "output"
FACTS: Mapping[str, str] = {
    "latency_ms": "a number from 0",
    "cost_usd": "a number from 0",
    "finish_reason": "text",
    "logprobs": "a list of numbers",
    "tool_calls": "a list of maps, each with a name",
}
OURS: Mapping[str, str] = {
    "$id": "text or a number",
    "$tags": "a list of words",
    "$checks": "a list of checks",
}


@frozen
class Answer:
    """A line of a file of answers. `facts`: what is known of the call, by name; `columns`: all else."""

    index: int
    line: int
    output: JSON
    columns: Mapping[str, JSON]
    facts: Mapping[str, Any]
    ours: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What names it: its `$id`, a column `id`, else its number."""
        said = self.ours.get("$id", self.columns.get("id"))
        return str(self.index) if said is None or isinstance(said, dict | list) else str(said)

    @property
    def checks(self) -> tuple[JSON, ...]:
        """Its own checks, not interpreted."""
        said = self.ours.get("$checks")
        return tuple(said) if isinstance(said, list) else ()

    @property
    def no_checks(self) -> str | None:
        """What is wrong with its own checks as a whole."""
        said = self.ours.get("$checks")
        if said is None or isinstance(said, list):
            return None
        return f"`$checks` must be a list of checks, not {_kind(said)}"


@frozen
class Found:
    """What a file holds: how many answers, the columns of any, and whether some bring a check that asks."""

    count: int
    columns: tuple[str, ...]
    ask: bool


@frozen
class AnswerFile:
    """Read as a stream, from the start each time."""

    path: Path

    def check(self, problems: Problems) -> Found:
        """Report lines that are no answers; give what the others are like."""
        count, columns, ask, ids = 0, dict[str, None](), False, set[str]()
        for number, text in self._lines():
            try:
                answer = _answer(count, number, text)
                _note_id(answer, ids)
            except _Wrong as wrong:
                self._report(wrong, number, problems)
                if problems.errors >= MOST_PROBLEMS:
                    break
                continue
            columns |= dict.fromkeys(answer.columns)
            ask = ask or any(check.worst_calls for _, check in sound_row_checks(answer.checks)[0])
            count += 1
        return Found(count, tuple(columns), ask)

    def _report(self, wrong: "_Wrong", number: int, problems: Problems) -> None:
        if wrong.text is not None and (fault := _fault(SourceText(str(self.path), wrong.text, number))):
            add_fault(problems, fault)
        else:
            problems.add(str(self.path), Position(number, wrong.column), str(wrong), code="answer")

    def __iter__(self) -> Iterator[Answer]:
        """Give the answers of a file without problems."""
        for index, (number, text) in enumerate(self._lines()):
            yield _answer(index, number, text)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Give the lines with something on them, each with its number from 1."""
        try:
            with self.path.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                    if text.strip():
                        yield number, text
        except OSError as error:
            raise UsageError(f"{self.path}: {(error.strerror or str(error)).lower()}") from None


def _note_id(answer: "Answer", ids: set[str]) -> None:
    """Refuse an id that is empty, or that another line has."""
    if not answer.id.strip():
        raise _Wrong("its id is empty")
    if answer.id in ids:
        raise _Wrong(f"another line has the id '{answer.id[:100]}'")
    ids.add(answer.id)


class _Wrong(Exception):
    """A line is no answer; the message says why, `text` is of one that is no JSON."""

    def __init__(self, message: str, column: int = 1, text: str | None = None) -> None:
        super().__init__(message)
        self.column = column
        self.text = text


def _answer(index: int, number: int, text: bytes) -> Answer:
    value = _parsed(text)
    if not isinstance(value, dict):
        raise _Wrong(f"an answer is a map with `output`, not {_kind(value)}")
    if OUTPUT not in value:
        raise _Wrong("there is no `output`; null is one, if there was none")
    facts = {name: value.pop(name) for name in FACTS if name in value}
    ours = {name: value.pop(name) for name in [key for key in value if key.startswith("$")]}
    output = value.pop(OUTPUT)
    _check(facts, FACTS)
    _check(ours, OURS)
    columns = {name: item for name, item in value.items() if item is not None}
    known = {name: item for name, item in facts.items() if item is not None}
    return Answer(index, number, output, columns, known, ours)


def _parsed(line: bytes) -> JSON:
    try:
        text = line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _Wrong(f"is not UTF-8, at byte {error.start + 1}") from None
    try:
        value: JSON = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _Wrong(f"is not JSON: {error.msg}", error.colno, text) from None
    except (RecursionError, ValueError) as error:
        raise _Wrong(f"is not JSON: {error}", text=text) from None
    return value


def _fault(source: SourceText) -> JsonFaultError | None:
    """Find what is wrong with a line, and where, unless a look at what answers may hold comes before it."""
    try:
        scan_json(source)
    except JsonFaultError as fault:
        return None if fault.code in ALLOWED else fault
    return None


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is written twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=finite)


def _check(said: Mapping[str, Any], known: Mapping[str, str]) -> None:
    for name, value in said.items():
        if name not in known:
            raise _Wrong(f"unknown key '{name}'; keys with $ are ours: {', '.join(OURS)}")
        if value is not None and not _fits(name, value):
            raise _Wrong(f"`{name}` must be {known[name]}, not {shown(value)}")


def _fits(name: str, value: Any) -> bool:
    fits: Callable[[Any], bool] = FITS[name]
    return fits(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_call(value: Any) -> bool:
    """Whether it names a tool, in the form of OpenAI or plainly."""
    said = value.get("function", value) if isinstance(value, dict) else None
    return isinstance(said, dict) and isinstance(said.get("name"), str)


def _kind(value: object) -> str:
    kinds = {dict: "a map", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return kinds.get(type(value), "null" if value is None else "a number")


FITS: Mapping[str, Callable[[Any], bool]] = {
    "latency_ms": lambda value: _is_number(value) and value >= 0,
    "cost_usd": lambda value: _is_number(value) and value >= 0,
    "finish_reason": lambda value: isinstance(value, str),
    "logprobs": lambda value: isinstance(value, list) and all(map(_is_number, value)),
    "tool_calls": lambda value: isinstance(value, list) and all(map(_is_call, value)),
    "$id": lambda value: isinstance(value, str) or _is_number(value),
    "$tags": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "$checks": lambda _: True,  # what is no list is errored, and stops nothing else
}
