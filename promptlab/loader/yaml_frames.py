"""Lists and maps while they are being read, and what `<<` brings into a map."""

from collections.abc import Iterator
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, Place, ScalarNode

__all__ = ["Frame", "extent", "merged_maps"]


@slotted
class Frame:
    """A list or map being read; `key` is the key whose value comes next, None where it was refused."""

    node: ListNode | MapNode
    anchor: str | None
    expects_key: bool
    key: str | None = None
    key_place: Place | None = None
    merging: bool = False
    merges: list[tuple[Place, Node]] = field(default_factory=list)
    keys: dict[str, Place] = field(default_factory=dict)

    def put(self, node: Node) -> None:
        """Takes the next item, or the value of the key at hand."""
        size, height = extent(node)
        self.node.size += size
        if height >= self.node.height:
            self.node.height = height + 1
        if isinstance(self.node, ListNode):
            self.node.items.append(node)
            return
        self.node.size += 1
        self.expects_key = True
        if self.key is None or self.key_place is None:
            return
        if self.merging:
            self.merges.append((self.key_place, node))
        elif self.key not in self.node.entries:
            self.node.entries[self.key] = Entry(self.key_place, node)

    def take_key(self, text: str | None, place: Place, *, merging: bool = False) -> None:
        """Notes the key whose value comes next."""
        self.key, self.key_place, self.merging = text, place, merging
        self.expects_key = False


def extent(node: Node) -> tuple[int, int]:
    """Size and height of a tree with its aliases written out."""
    return (1, 1) if isinstance(node, ScalarNode) else (node.size, node.height)


def merged_maps(frame: Frame) -> Iterator[tuple[Place, MapNode | None]]:
    """The maps that `<<` names, the strongest first; None for what is no map."""
    for place, found in frame.merges:
        for one in found.items if isinstance(found, ListNode) else [found]:
            yield place, one if isinstance(one, MapNode) else None
