"""Says what a YAML syntax error means, and where the fault that caused it stands."""

import re
from contextlib import suppress
from typing import Literal

import yaml

from promptlab.core.frozen import frozen
from promptlab.loader.problems import Position, Problems
from promptlab.loader.source_text import SourceText
from promptlab.loader.yaml_events import Parser

__all__ = ["report_syntax_error"]

QUOTE = "quote the value"
INDENT = "lines of one list or map begin in the same column"
ESCAPE = "in double quotes a backslash begins an escape; write \\\\, or use single quotes"
TEMPLATE = re.compile(r"(?:^|[:,\[-])\s*\{[{%#]|\{[{%#][^'\"]*$")
TEMPLATE_HINT = "quote a value that has {{ }} in it, or write it below `|`"
CLOSING = {"[": "]", "{": "}"}
SECOND_COLON = re.compile(r"^[^#\"']*?:\s.*")

type Where = Literal["problem", "context"]


@frozen
class _Fault:
    """One message of the parser, and what we say instead."""

    heard: str
    message: str
    hint: str | None
    where: Where = "problem"
    context: str = ""


FAULTS = (
    _Fault(
        "found unexpected end of stream",
        "this quote is never closed",
        "close it with the same quote",
        "context",
    ),
    _Fault(
        "found unexpected document indicator", "this quote is never closed", "close it before ---", "context"
    ),
    _Fault("found unknown escape character", "an unknown escape in double quotes", ESCAPE),
    _Fault("hexdecimal number", "an unfinished escape in double quotes", ESCAPE),
    _Fault("invalid Unicode character", "an escape that is no character", ESCAPE),
    _Fault(
        "alphabetic or numeric", "& or * without a name", "quote a text that begins with & or *", "context"
    ),
    _Fault(
        "found incompatible YAML document",
        "a version of YAML that does not exist",
        "remove the line, or: %YAML 1.2",
    ),
    _Fault("found duplicate %", "a directive twice", "remove one"),
    _Fault(
        "document start", "something between two documents or after a directive", "keep one document a file"
    ),
    _Fault("directive", "an unknown directive", "remove the line, or quote a text that begins with %"),
    _Fault("undefined tag handle", "an unknown tag", "quote a text that begins with !", context="tag"),
    _Fault("", "a tag that cannot be read", "quote a text that begins with !", context="scanning a tag"),
    _Fault(
        "",
        "a block text that cannot be read",
        "after | or > only 1-9, + or - may stand",
        context="block scalar",
    ),
    _Fault(
        "could not find expected ':'", "a line that is no `key: value`", "add a colon and a space", "context"
    ),
    _Fault("expected '-' indicator", "this line does not belong to the list above it", INDENT),
    _Fault("did not find expected key", "this line does not belong to the map above it", INDENT),
    _Fault(
        "block sequence entries are not allowed", "a list may not begin here", "begin it in a line of its own"
    ),
    _Fault("block mapping", "a key may not stand here", INDENT),
    _Fault("expected node content", "a value is missing here", QUOTE),
)


def report_syntax_error(source: SourceText, error: yaml.YAMLError, problems: Problems) -> None:
    """Adds the problem behind an error of the parser."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        problems.add(source, Position(source.first_line, 1), "the file is no YAML", code="syntax")
        return
    message, hint, at = _explained(source, error)
    line = source.line(at.line) or ""
    if TEMPLATE.search(line):
        hint = TEMPLATE_HINT
    problems.add(source, at, message, code="syntax", hint=hint)


def _explained(source: SourceText, error: yaml.MarkedYAMLError) -> tuple[str, str | None, Position]:
    problem, context = error.problem or "", error.context or ""
    at = _position(source, error.problem_mark)
    if "cannot start any token" in problem:
        return *_stray_character(source, at), at
    if "parsing a flow" in context:
        return _flow(source, error, at)
    if "mapping values are not allowed" in problem:
        return *_stray_colon(source, at), at
    if (source.line(at.line) or "").lstrip().startswith(":"):
        return "a key is missing before the colon", "write `key: value`", at
    fault = next((fault for fault in FAULTS if fault.heard in problem and fault.context in context), None)
    if fault is None:
        return f"no YAML: {problem}", None, at
    opened = error.context_mark if fault.where == "context" else None
    return fault.message, fault.hint, at if opened is None else _position(source, opened)


def _position(source: SourceText, mark: "yaml.Mark | None") -> Position:
    if mark is None:
        return Position(source.first_line, 1)
    last = source.first_line + len(source.lines) - 1
    return Position(min(mark.line + source.first_line, last), mark.column + 1)


def _stray_character(source: SourceText, at: Position) -> tuple[str, str]:
    character = (source.line(at.line) or "")[at.column - 1 : at.column]
    if character == "\t":
        return "a tab used for indentation", "indent with spaces"
    return f"a value may not begin with {character}", QUOTE


def _stray_colon(source: SourceText, at: Position) -> tuple[str, str]:
    before = (source.line(at.line) or "")[: at.column - 1]
    if SECOND_COLON.match(before):
        return "a second colon in a value that is not quoted", QUOTE
    return (
        "a key below a value",
        "the line above already has a value: check the indentation, or quote the value",
    )


def _flow(source: SourceText, error: yaml.MarkedYAMLError, at: Position) -> tuple[str, str, Position]:
    opened = _opened(source, error)
    if opened is None:
        return "expected , or a closing bracket", QUOTE, at
    opening = source.text[opened.index]
    closing = CLOSING[opening]
    expected, start = f"expected , or {closing}", _position(source, opened)
    if error.problem_mark is None or closing not in source.text[error.problem_mark.index :]:
        return (
            f"this {opening} is never closed",
            f"{expected} before line {at.line}, column {at.column}",
            start,
        )
    return (
        expected,
        f"inside the {opening} of line {start.line}; quote a text that has , : [ ] or braces in it",
        at,
    )


def _opened(source: SourceText, error: yaml.MarkedYAMLError) -> "yaml.Mark | None":
    """Give where the list or map begins that is at fault; the parser may have only a value in it."""
    if "flow node" not in (error.context or ""):
        return error.context_mark
    end = len(source.text) if error.problem_mark is None else error.problem_mark.index
    opened: list[yaml.Mark] = []
    with suppress(yaml.YAMLError):
        for token in yaml.scan(source.text, Loader=Parser):
            if token.start_mark.index >= end:
                break
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                opened.append(token.start_mark)
            elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
                opened.pop()
    return opened[-1] if opened else None
