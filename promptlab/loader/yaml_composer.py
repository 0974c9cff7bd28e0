"""Composes the events of a YAML parser into a tree, within limits and without recursion."""

from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import yaml

from promptlab.core.display import shown
from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, Place, ScalarNode
from promptlab.loader.problems import Hint, Position, Problems, did_you_mean
from promptlab.loader.scalars import NUMBER, NumberOutOfRangeError, Style, plain_value
from promptlab.loader.source_text import SourceText
from promptlab.loader.yaml_events import (
    AliasEvent,
    CollectionEvent,
    DocumentEvent,
    Event,
    NodeEvent,
    Parser,
    ScalarEvent,
)
from promptlab.loader.yaml_frames import Frame, extent, merged_maps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Composer"]

MOST_NODES = 100_000
DEEPEST = 50
STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}
NO_TEXT = frozenset({"", "~", "null", "true", "false"})
QUOTE_TEMPLATE = "quote it, or write it below `|`: a value that begins with { is a map"


class SyntaxReporter(Protocol):
    """Adds the problem behind an error of the parser."""

    def __call__(self, source: SourceText, error: yaml.YAMLError, problems: Problems) -> None: ...


class _Stop(Exception):
    """Nothing that follows can be trusted; the problem has been added."""


class Composer:
    """Reads one document of a source; what is wrong goes to `problems`."""

    def __init__(self, source: SourceText, problems: Problems) -> None:
        self._source = source
        self._first_line = source.first_line
        self._problems = problems
        self._anchors: dict[str, Node | None] = {}
        self._stack: list[Frame] = []
        self._root: Node | None = None
        self._count = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._start_document,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: self._start_list,
            yaml.MappingStartEvent: self._start_map,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
        }

    def compose(self, report_syntax_error: SyntaxReporter) -> Node | None:
        """The tree, or None where syntax or limits stopped the reading."""
        errors = self._problems.errors
        try:
            self._read()
        except yaml.YAMLError as error:
            report_syntax_error(self._source, error, self._problems)
            return None
        except _Stop:
            return None
        if self._root is None and self._problems.errors == errors:
            self._problems.add(
                self._source, Position(self._source.first_line, 1), "the file is empty", code="empty"
            )
        return self._root

    def _read(self) -> None:
        parser = Parser(self._source.text)
        try:
            while parser.check_event():
                event = parser.get_event()
                handler = self._handlers.get(type(event))
                if handler is not None:
                    handler(event)
        finally:
            parser.dispose()

    def _start_document(self, event: DocumentEvent) -> None:
        place = self._place(event)
        if self._root is not None:
            self._stop(
                place, "a second document in the file", "several-documents", "keep one document a file"
            )
        if event.tags:
            self._report(place, "a %TAG directive", "tag", "tags are not supported")

    def _scalar(self, event: ScalarEvent) -> None:
        if event.tag is not None:
            self._refuse_tag(event)
        place = self._place(event)
        style = STYLES.get(event.style, "plain")
        top = self._stack[-1] if self._stack else None
        if top is not None and top.expects_key:
            self._key(top, event.value, style, place)
        else:
            value = self._value(event.value, style, place)
            node = ScalarNode(place, value, style, event.start_mark.index, event.end_mark.index)
            self._attach(node, event.anchor)

    def _value(self, text: str, style: Style, place: Place) -> str | int | float | bool | None:
        if style != "plain":
            return self._without_surrogates(text, place)
        try:
            return plain_value(text)
        except NumberOutOfRangeError as error:
            self._report(place, str(error), "number", "quote it to keep it as text")
            return None

    def _without_surrogates(self, text: str, place: Place) -> str:
        if "\0" in text:
            self._report(place, "a NUL character in a text", "nul", "remove it")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            self._report(
                place, "half of a surrogate pair in a text", "surrogate", "write the character itself"
            )
        return text

    def _key(self, top: Frame, text: str, style: Style, place: Place) -> None:
        if style != "plain":
            self._without_surrogates(text, place)
        elif text in NO_TEXT or NUMBER.fullmatch(text):
            self._report(place, f"the key {shown(text)} is no text", "key", "quote it to use it as a name")
        first = top.keys.setdefault(text, place)
        if first is not place:
            line = first.line
            self._report(
                place, f"duplicate key {shown(text)}, first written in line {line}", "duplicate-key", None
            )
        self._require_room(place, 1, 1)
        top.take_key(text, place, merging=text == "<<" and style == "plain")

    def _alias(self, event: AliasEvent) -> None:
        place, name = self._place(event), event.anchor
        if name not in self._anchors:
            hint = did_you_mean(name, self._anchors) if self._anchors else "quote a text that begins with *"
            self._report(place, f"the alias *{name} has no anchor &{name} above it", "alias", hint)
            self._attach(ScalarNode(place, None, "plain", 0, 0), None)
            return
        node = self._anchors[name]
        if node is None:
            self._stop(
                place, f"*{name} contains itself", "alias", "an alias may not stand inside its own anchor"
            )
        if self._stack and self._stack[-1].expects_key:
            self._report(place, "an alias as a key", "key", "write the key as text")
            self._stack[-1].take_key(None, place)
            return
        self._require_room(place, *extent(node))
        self._attach(node, None)

    def _start_list(self, event: CollectionEvent) -> None:
        self._open(ListNode(self._place(event), []), event)

    def _start_map(self, event: CollectionEvent) -> None:
        self._open(MapNode(self._place(event), {}), event)

    def _open(self, node: ListNode | MapNode, event: CollectionEvent) -> None:
        self._refuse_tag(event)
        self._require_room(node.place, 1, 1)
        if self._stack and self._stack[-1].expects_key:
            self._refuse_key(node)
        if event.anchor is not None:
            self._declare(event.anchor, node.place)
        self._stack.append(Frame(node, event.anchor, isinstance(node, MapNode)))

    def _refuse_key(self, node: ListNode | MapNode) -> None:
        above = self._stack[-1].node.place
        braces = (above.line, above.column + 1) == (node.place.line, node.place.column)
        if isinstance(node, MapNode) and braces:
            self._stop(above, "a template that is not quoted", "unquoted-template", QUOTE_TEMPLATE)
        self._stop(node.place, "a key must be text, not a list or map", "key", None)

    def _end(self, _event: object) -> None:
        top = self._stack.pop()
        if isinstance(top.node, MapNode):
            self._merge(top, top.node)
        if top.anchor is not None:
            self._anchors[top.anchor] = top.node
        self._attach(top.node, None)

    def _attach(self, node: Node, anchor: str | None) -> None:
        if isinstance(node, ScalarNode):
            self._require_room(node.place, 1, 1)
        if anchor is not None:
            self._declare(anchor, node.place)
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
            return
        self._stack[-1].put(node)

    def _merge(self, top: Frame, node: MapNode) -> None:
        merged: dict[str, Entry] = {}
        for place, one in merged_maps(top):
            if one is None:
                self._report(place, "<< takes a map or a list of maps", "merge", "name an anchor of a map")
            else:
                merged |= {key: entry for key, entry in one.entries.items() if key not in merged}
        if merged:
            node.entries = merged | node.entries

    def _declare(self, anchor: str, place: Place) -> None:
        if anchor in self._anchors:
            self._report(place, f"the anchor &{anchor} is there twice", "anchor", "give it another name")
        self._anchors[anchor] = None

    def _refuse_tag(self, event: NodeEvent) -> None:
        if event.tag is not None:
            hint = "quote a text that begins with !"
            self._report(
                self._place(event), f"tags are not supported: {shown(_short_tag(event.tag))}", "tag", hint
            )

    def _require_room(self, place: Place, size: int, height: int) -> None:
        self._count += size
        if self._count > MOST_NODES:
            message = f"more than {MOST_NODES:,} values, aliases written out"
            self._stop(
                place, message, "too-many-values", "split the file, or move data into a CSV or JSONL file"
            )
        if len(self._stack) + height > DEEPEST:
            self._stop(place, f"nested more than {DEEPEST} levels deep", "too-deep", "flatten it")

    def _place(self, event: Event) -> Place:
        start, end = event.start_mark, event.end_mark
        column = start.column
        width = end.column - column if end.line == start.line else 1
        return Place(self._source, start.line + self._first_line, column + 1, width or 1)

    def _report(self, place: Place, message: str, code: str, hint: Hint) -> None:
        self._problems.add(place.source, place.position, message, code=code, hint=hint, width=place.width)

    def _stop(self, place: Place, message: str, code: str, hint: Hint) -> NoReturn:
        self._report(place, message, code, hint)
        raise _Stop


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
