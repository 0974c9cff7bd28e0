"""Lists and maps while they are being read, and what `<<` brings into a map."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, Place, ScalarNode

__all__ = ["Frame", "Key", "extent", "merged_maps"]


@dataclass(frozen=True, slots=True)
class Key:
    """The key whose value comes next; without text where the key was refused."""

    text: str | None
    place: Place
    merge: bool = False


@dataclass(slots=True)
class Frame:
    """A list or map being read."""

    node: ListNode | MapNode
    anchor: str | None
    expects_key: bool
    key: Key | None = None
    merges: list[tuple[Place, Node]] = field(default_factory=list)
    keys: dict[str, Place] = field(default_factory=dict)

    def put(self, node: Node) -> None:
        """Takes the next item, or the value of the key at hand."""
        size, height = extent(node)
        self.node.size += size
        self.node.height = max(self.node.height, height + 1)
        if isinstance(self.node, ListNode):
            self.node.items.append(node)
            return
        key, self.key, self.expects_key = self.key, None, True
        if key is None or key.text is None:
            return
        if key.merge:
            self.merges.append((key.place, node))
        elif key.text not in self.node.entries:
            self.node.entries[key.text] = Entry(key.place, node)


def extent(node: Node) -> tuple[int, int]:
    """Size and height of a tree with its aliases written out."""
    return (1, 1) if isinstance(node, ScalarNode) else (node.size, node.height)


def merged_maps(frame: Frame) -> Iterator[tuple[Place, MapNode | None]]:
    """The maps that `<<` names, the strongest first; None for what is no map."""
    for place, found in frame.merges:
        for one in found.items if isinstance(found, ListNode) else [found]:
            yield place, one if isinstance(one, MapNode) else None
