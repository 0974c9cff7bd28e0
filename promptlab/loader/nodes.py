"""The tree of a document: values with the places where they are written."""

from collections.abc import Sequence
from typing import NamedTuple

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.loader.scalars import ScalarSource, Style, written
from promptlab.loader.source_text import Position, SourceText

__all__ = ["Entry", "ListNode", "MapNode", "Node", "Path", "Place", "ScalarNode", "find", "value_of"]

type Path = tuple[str | int, ...]
type Node = ScalarNode | ListNode | MapNode


class Place(NamedTuple):
    """Where something is written: line and column from 1, and how many characters of the line it takes."""

    source: SourceText
    line: int
    column: int
    width: int = 1

    @property
    def position(self) -> Position:
        return Position(self.line, self.column)


@slotted
class ScalarNode:
    """Text, number, true, false or null; `start` and `end` bound it in the text of its source."""

    place: Place
    value: str | int | float | bool | None
    style: Style
    start: int
    end: int

    @property
    def written(self) -> ScalarSource:
        """The scalar as it stands in its file."""
        text = self.value if isinstance(self.value, str) else None
        return written(
            self.place.source, self.place.position, text, style=self.style, first=self.start, last=self.end
        )


@slotted
class ListNode:
    """A list; `size` and `height` count nodes as if every alias were written out."""

    place: Place
    items: list[Node]
    size: int = 1
    height: int = 1


class Entry(NamedTuple):
    """A key of a map with its value."""

    key: Place
    node: Node


@slotted
class MapNode:
    """A map; `size` and `height` count nodes as if every alias were written out."""

    place: Place
    entries: dict[str, Entry]
    size: int = 1
    height: int = 1


def value_of(node: Node) -> JSON:
    """The plain value of a tree (its depth is limited when it is composed)."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [value_of(item) for item in node.items]
    return {key: value_of(entry.node) for key, entry in node.entries.items()}


def find(root: Node, path: Sequence[str | int]) -> list[tuple[Place, Node]]:
    """Key places and nodes along a path, from the root as far as it is there."""
    found = [(root.place, root)]
    for part in path:
        step = _child(found[-1][1], part)
        if step is None:
            break
        found.append(step)
    return found


def _child(node: Node, part: str | int) -> tuple[Place, Node] | None:
    if isinstance(node, MapNode) and isinstance(part, str) and part in node.entries:
        entry = node.entries[part]
        return entry.key, entry.node
    if isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
        item = node.items[part]
        return item.place, item
    return None
