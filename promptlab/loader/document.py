"""A structured file, read strictly: a plain value, and the place of each part of it."""

import re
from dataclasses import field, replace
from functools import cached_property
from typing import Literal

from promptlab.core.display import is_secret_name, shown
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.loader.decoding import conflict_line
from promptlab.loader.json_reader import read_json
from promptlab.loader.nodes import ListNode, MapNode, Node, Path, Place, ScalarNode, find, value_of
from promptlab.loader.problems import Hint, Position, Problems, Severity
from promptlab.loader.scalars import ScalarSource
from promptlab.loader.source_text import SourceText
from promptlab.loader.yaml_composer import Composer
from promptlab.loader.yaml_faults import report_syntax_error

__all__ = ["Document", "parse_json", "parse_yaml"]

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
NAMES = {
    "\x85": "a NEL",
    "\u2028": "a LINE SEPARATOR",
    "\u2029": "a PARAGRAPH SEPARATOR",
    "\ufeff": "a byte order mark",
}
EXTENSION = "x-"

type Top = Literal["map", "any"]


@frozen(slots=False)
class Document:
    """A file (or a part of one) as a tree; paths are keys and indexes from its top."""

    source: SourceText
    root: Node = field(repr=False)

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def text(self) -> str:
        return self.source.text

    @cached_property
    def value(self) -> JSON:
        return value_of(self.root)

    def place(self, path: Path = (), *, key: bool = False) -> Place:
        """Where the value, or its key, is written; of its nearest ancestor where it is absent."""
        found = find(self.root, path)
        key_place, node = found[-1]
        return (
            key_place
            if key and len(found) > len(path)
            else node.place
            if len(found) > len(path)
            else key_place
        )

    def position(self, path: Path = (), *, key: bool = False) -> Position:
        """Line and column of `place`."""
        return self.place(path, key=key).position

    def scalar_source(self, path: Path) -> ScalarSource | None:
        """A scalar as it is written; None for lists, maps, and what is absent."""
        found = find(self.root, path)
        node = found[-1][1]
        return node.written if len(found) > len(path) and isinstance(node, ScalarNode) else None

    def part(self, path: Path) -> "Document | None":
        """The document below a path, with its places; None where it is absent."""
        found = find(self.root, path)
        node = found[-1][1]
        return replace(self, source=node.place.source, root=node) if len(found) > len(path) else None

    def shown(self, path: Path) -> str:
        """The value as a message may quote it; never one under a key that names a secret."""
        if any(isinstance(part, str) and is_secret_name(part) for part in path):
            return "'***'"
        part = self.part(path)
        return shown(None if part is None else part.value)

    def report(
        self,
        problems: Problems,
        path: Path,
        message: str,
        *,
        code: str,
        hint: Hint = None,
        severity: Severity = "error",
        key: bool = False,
    ) -> None:
        """Adds a problem at a path of this document."""
        place = self.place(path, key=key)
        problems.add(
            place.source, place.position, message, code=code, hint=hint, severity=severity, width=place.width
        )


def parse_yaml(file: str, text: str, problems: Problems, *, top: Top = "map") -> Document | None:
    """Reads one YAML document of JSON values; None where there is nothing to go on with.

    With ``top="map"`` all else is refused at the top, and its keys that begin with ``x-`` are left out.
    """
    source = SourceText(file, text.replace("\r\n", "\n").replace("\r", "\n"))
    if _unreadable(source, problems):
        return None
    composer = Composer(source, problems)
    root = composer.compose(report_syntax_error)
    if root is None:
        return None
    document = Document(source, root)
    return document if top == "any" else _with_map_on_top(document, problems)


def parse_json(file: str, text: str, problems: Problems) -> Document | None:
    """Reads one strict JSON value; None where there is nothing to go on with."""
    source = SourceText(file, text)
    root = read_json(source, problems)
    return None if root is None else Document(source, root)


def _unreadable(source: SourceText, problems: Problems) -> bool:
    conflict = conflict_line(source.text)
    if conflict is not None:
        place, hint = (
            Position(conflict + source.first_line - 1, 1),
            "resolve the conflict, then remove the markers",
        )
        problems.add(source, place, "unresolved merge conflict", code="merge-conflict", hint=hint, width=7)
        return True
    found = False
    for match in UNPRINTABLE.finditer(source.text):
        found = True
        _refuse_character(source, match.start(), problems)
        if problems.full:
            break
    return found


def _refuse_character(source: SourceText, at: int, problems: Problems) -> None:
    line = source.text.count("\n", 0, at) + source.first_line
    column = at - source.text.rfind("\n", 0, at)
    character = source.text[at]
    what = NAMES.get(character, "a control character")
    message = f"{what} (U+{ord(character):04X}) may not stand in YAML"
    hint = f'in a double-quoted text, write it as "\\u{ord(character):04x}"'
    problems.add(source, Position(line, column), message, code="control-character", hint=hint)


def _with_map_on_top(document: Document, problems: Problems) -> Document | None:
    root = document.root
    if isinstance(root, MapNode):
        kept = {key: entry for key, entry in root.entries.items() if not key.startswith(EXTENSION)}
        return replace(document, root=replace(root, entries=kept))
    kind = (
        "a list"
        if isinstance(root, ListNode)
        else "empty"
        if root.value is None
        else f"only {shown(root.value)}"
    )
    message = f"the file must be a map of keys and values, but it is {kind}"
    document.report(problems, (), message, code="not-a-map", hint="begin with a line like `version: 1`")
    return None
