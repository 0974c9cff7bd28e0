"""Lays overrides (variants, axes, --set) over a document; each part keeps the place where it is written."""

from collections.abc import Sequence
from dataclasses import replace

from promptlab.core.display import shown
from promptlab.core.frozen import frozen
from promptlab.loader.document import Document
from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from promptlab.loader.problems import Hint, Problems, did_you_mean

__all__ = ["merged", "override"]

STEPS = "steps"


def merged(document: Document, overrides: Sequence[Document], problems: Problems) -> Document:
    """The document with each of the overrides laid over the ones before.

    Maps merge, ``null`` takes a key away, all else is replaced; a map under ``steps`` names steps by id;
    keys at the top of an override may be dotted paths.
    """
    overlay = _Overlay(problems)
    root = document.root
    for one in overrides:
        if isinstance(one.root, MapNode):
            root = overlay.laid(root, overlay.nested(one.root))
        elif not (isinstance(one.root, ScalarNode) and one.root.value is None):
            one.report(
                problems, (), "overrides must be a map", code="override", hint="write `model: …` and the like"
            )
    return replace(document, root=root)


def override(path: str, value: Document) -> Document:
    """A value as an override of a dotted path."""
    place = value.root.place
    return replace(value, root=MapNode(place, {path: Entry(place, value.root)}))


@frozen
class _Overlay:
    problems: Problems

    def nested(self, overrides: MapNode) -> MapNode:
        """Dotted keys written out as maps."""
        top = MapNode(overrides.place, {})
        for key, entry in overrides.entries.items():
            self._insert(top, key.split("."), entry)
        return top

    def _insert(self, top: MapNode, path: list[str], entry: Entry) -> None:
        for part in reversed(path[1:]):
            entry = Entry(entry.key, MapNode(entry.node.place, {part: entry}))
        if "" in path:
            self._report(entry, "an empty part in a dotted path", "write it as `params.temperature`")
        else:
            self._add(top, path[0], entry)

    def _add(self, top: MapNode, key: str, entry: Entry) -> None:
        there = top.entries.get(key)
        if there is None:
            top.entries[key] = Entry(entry.key, _copied(entry.node))
        elif isinstance(there.node, MapNode) and isinstance(entry.node, MapNode):
            for name, inner in entry.node.entries.items():
                self._add(there.node, name, inner)
        else:
            self._report(entry, f"{shown(key)} is set twice", "keep one of the two")

    def laid(self, base: Node, over: Node) -> Node:
        """One tree over another."""
        if not isinstance(over, MapNode):
            return over
        entries = dict(base.entries) if isinstance(base, MapNode) else {}
        for key, entry in over.entries.items():
            if isinstance(entry.node, ScalarNode) and entry.node.value is None:
                entries.pop(key, None)
            else:
                entries[key] = Entry(entry.key, self._inner(key, entries.get(key), entry.node))
        place = base.place if isinstance(base, MapNode) else over.place
        return MapNode(place, entries)

    def _inner(self, key: str, there: Entry | None, over: Node) -> Node:
        if there is None:
            return self.laid(MapNode(over.place, {}), over)
        if key == STEPS and isinstance(there.node, ListNode) and isinstance(over, MapNode):
            return self._steps(there.node, over)
        return self.laid(there.node, over)

    def _steps(self, steps: ListNode, over: MapNode) -> ListNode:
        items: list[Node | None] = [*steps.items]
        ids = {
            name: index for index, step in reversed(list(enumerate(steps.items))) if (name := _step_id(step))
        }
        for key, entry in over.entries.items():
            index = ids.get(key)
            if index is None:
                self._report(entry, f"there is no step {shown(key)} to override", did_you_mean(key, ids))
            elif isinstance(entry.node, MapNode):
                items[index] = self.laid(steps.items[index], entry.node)
            elif isinstance(entry.node, ScalarNode) and entry.node.value is None:
                items[index] = None
            else:
                self._report(
                    entry, f"the override of step {shown(key)} must be a map", "write `key: value` lines"
                )
        return replace(steps, items=[step for step in items if step is not None])

    def _report(self, entry: Entry, message: str, hint: Hint) -> None:
        key = entry.key
        self.problems.add(key.source, key.position, message, code="override", hint=hint, width=key.width)


def _step_id(step: Node) -> str | None:
    entry = step.entries.get("id") if isinstance(step, MapNode) else None
    value = entry.node.value if entry is not None and isinstance(entry.node, ScalarNode) else None
    return value if isinstance(value, str) else None


def _copied(node: Node) -> Node:
    """A copy as deep as maps go, so that dotted paths may add to it."""
    if not isinstance(node, MapNode):
        return node
    return replace(
        node, entries={key: Entry(entry.key, _copied(entry.node)) for key, entry in node.entries.items()}
    )
