"""Reads JSON token by token, with a place for each value; strict, and within limits."""

import json
import re
from typing import ClassVar, NoReturn

from promptlab.core.display import shown
from promptlab.core.errors import PromptlabError
from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, Place, ScalarNode
from promptlab.loader.scalars import NumberOutOfRangeError, number
from promptlab.loader.source_text import SourceText

__all__ = [
    "DEEPEST",
    "MOST_NODES",
    "JsonFaultError",
    "after_blanks",
    "offset_place",
    "scan_json",
    "scan_value",
]

DEEPEST = 50
MOST_NODES = 200_000
BLANK = re.compile(r"[ \t\r\n]*")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![\w.+-])")
WORD = re.compile(r"[-+]?[\w.]{1,40}")
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
CLOSING = {"[": "]", "{": "}"}
HINTS = {
    "'": "JSON takes double quotes",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    ",": "remove the comma, or write a value before it",
}


class JsonFaultError(PromptlabError):
    """What is wrong with a JSON text, and where in it."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, place: Place, *, code: str = "json", hint: str | None = None) -> None:
        super().__init__(message)
        self.place = place
        self.code = code
        self.hint = hint


def scan_json(source: SourceText, most_nodes: int = MOST_NODES) -> Node:
    """The one value of a JSON text; raises JsonFaultError."""
    return _Scanner(source, most_nodes).scan()


def scan_value(source: SourceText, start: int) -> tuple[Node, int]:
    """The value that begins at an offset, and the offset where it ends; raises JsonFaultError."""
    scanner = _Scanner(source, MOST_NODES, start)
    return scanner.scan_one(), scanner.at


def after_blanks(text: str, at: int) -> int:
    """The offset of the first character from `at` on that is no blank."""
    match = BLANK.match(text, at)
    return at if match is None else match.end()


def offset_place(source: SourceText, at: int) -> Place:
    """The place of a character, counted from 0 in the text of its source."""
    line = source.text.count("\n", 0, at)
    column = at - (source.text.rfind("\n", 0, at) + 1) + 1
    return Place(source, line + source.first_line, column)


class _Scanner:
    def __init__(self, source: SourceText, most_nodes: int, start: int = 0) -> None:
        self._source = source
        self._text = source.text
        self.at = start
        self._room = most_nodes
        self._line = source.first_line + self._text.count("\n", 0, start)
        self._counted, self._line_start = start, self._text.rfind("\n", 0, start) + 1

    def scan(self) -> Node:
        node = self.scan_one()
        self._skip()
        if self.at < len(self._text):
            self._fail(
                "something after the value", hint=self._hint() or "write one value (in JSONL: one a line)"
            )
        return node

    def scan_one(self) -> Node:
        self._skip()
        return self._value(1)

    def _value(self, depth: int) -> Node:
        self._room -= 1
        if self._room < 0:
            self._fail("too many values", code="too-many-values", hint="split it")
        first = self._text[self.at : self.at + 1]
        if first and first in "[{":
            return self._container(first, depth)
        return self._string() if first == '"' else self._word()

    def _container(self, opening: str, depth: int) -> Node:
        if depth > DEEPEST:
            self._fail(f"nested more than {DEEPEST} levels deep", code="too-deep", hint="flatten it")
        place = self._place(self.at)
        node = ListNode(place, []) if opening == "[" else MapNode(place, {})
        self.at += 1
        self._skip()
        while not self._takes(CLOSING[opening]):
            self._item(node, depth)
            self._separator(opening, place)
        return node

    def _item(self, node: ListNode | MapNode, depth: int) -> None:
        if isinstance(node, ListNode):
            node.items.append(self._value(depth + 1))
        else:
            key = self._key(node)
            node.entries[str(key.value)] = Entry(key.place, self._value(depth + 1))

    def _key(self, node: MapNode) -> ScalarNode:
        if not self._text.startswith('"', self.at):
            self._fail("expected a key in double quotes", hint=self._hint())
        key = self._string()
        if key.value in node.entries:
            line = node.entries[str(key.value)].key.line
            message = f"duplicate key {shown(key.value)}, first written in line {line}"
            raise JsonFaultError(message, key.place, code="duplicate-key", hint="remove one")
        self._skip()
        if not self._takes(":"):
            self._fail("expected : after a key", hint=self._hint())
        self._skip()
        return key

    def _separator(self, opening: str, place: Place) -> None:
        self._skip()
        comma = self.at
        if self._takes(","):
            self._skip()
            if self._text.startswith(CLOSING[opening], self.at):
                self._fail(f"a comma before {CLOSING[opening]}", comma, hint="remove the comma")
        elif not self._text.startswith(CLOSING[opening], self.at):
            opened = f"the {opening} of line {place.line}, column {place.column} is open"
            self._fail(f"expected , or {CLOSING[opening]}", hint=self._hint() or opened)

    def _string(self) -> ScalarNode:
        match = STRING.match(self._text, self.at)
        if match is None:
            self._bad_string()
        value = json.loads(match.group())
        place = self._place(self.at, len(match.group()))
        if "\0" in value:
            raise JsonFaultError("a NUL character in a text", place, code="nul", hint="remove it")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            hint = "write the character itself"
            raise JsonFaultError("half of a surrogate pair in a text", place, code="surrogate", hint=hint)
        start, self.at = self.at, match.end()
        return ScalarNode(place, value, "json", start, self.at)

    def _bad_string(self) -> NoReturn:
        end = re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+').match(
            self._text, self.at + 1
        )
        stop = len(self._text) if end is None else end.end()
        if self._text.startswith("\\", stop):
            self._fail("an unknown escape in a text", stop, hint="write \\\\ for a backslash")
        if stop >= len(self._text) or self._text[stop] in "\r\n":
            self._fail("this quote is never closed", hint='close it with "')
        self._fail("a control character in a text", stop, hint="write it as an escape, such as \\t")

    def _word(self) -> ScalarNode:
        match = NUMBER.match(self._text, self.at) or WORD.match(self._text, self.at)
        word = match.group() if match else ""
        place = self._place(self.at, len(word))
        self.at += len(word)
        if word in LITERALS:
            return ScalarNode(place, LITERALS[word], "json", self.at - len(word), self.at)
        if match is None or match.re is not NUMBER:
            self._unknown(word, place)
        try:
            return ScalarNode(place, number(word), "json", self.at - len(word), self.at)
        except NumberOutOfRangeError as error:
            raise JsonFaultError(
                str(error), place, code="number", hint="write it as text, in quotes"
            ) from None

    def _unknown(self, word: str, place: Place) -> NoReturn:
        if word.lstrip("+-").lower() in {"nan", "infinity", "inf"}:
            raise JsonFaultError(f"{word} is no JSON value", place, hint="write null, or leave the key out")
        if word.lower() in {"true", "false", "none"}:
            proper = word.lower().replace("none", "null")
            raise JsonFaultError(f"{word} is no JSON value", place, hint=f"write {proper}")
        if word:
            raise JsonFaultError(f"{shown(word)} is no JSON value", place, hint="put text in double quotes")
        end = self.at >= len(self._text)
        self._fail("the text ends where a value is due" if end else "expected a value", hint=self._hint())

    def _hint(self) -> str | None:
        return HINTS.get(self._text[self.at : self.at + 1])

    def _skip(self) -> None:
        self.at = after_blanks(self._text, self.at)

    def _takes(self, character: str) -> bool:
        found = self._text.startswith(character, self.at)
        self.at += found
        return found

    def _place(self, at: int, width: int = 1) -> Place:
        if at < self._counted:
            return offset_place(self._source, at)._replace(width=max(1, width))
        lines = self._text.count("\n", self._counted, at)
        if lines:
            self._line += lines
            self._line_start = self._text.rfind("\n", 0, at) + 1
        self._counted = at
        return Place(self._source, self._line, at - self._line_start + 1, max(1, width))

    def _fail(
        self, message: str, at: int | None = None, *, code: str = "json", hint: str | None = None
    ) -> NoReturn:
        raise JsonFaultError(message, self._place(self.at if at is None else at), code=code, hint=hint)
