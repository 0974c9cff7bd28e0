"""Refuses numbers that would print differently (`1.10`, `1e3`) where a text may be meant as well."""

from collections.abc import Iterator

from promptlab.core.display import shown
from promptlab.engine.catalog import CHECKS
from promptlab.loader.document import Document
from promptlab.loader.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from promptlab.loader.problems import Problems

INPUT_VALUES = ("default", "enum")


def refuse_ambiguous(cell: Document, problems: Problems) -> None:
    """Report such numbers in a pipeline's cell, wherever any JSON value may stand."""
    for node in _open_values(cell.root):
        for scalar in _scalars(node):
            _refuse(scalar, problems)


def refuse_ambiguous_axes(document: Document, problems: Problems) -> None:
    """Report such numbers among the values of the axes, by which cells are called."""
    for axis in _below(document.root, "matrix"):
        for scalar in _scalars(axis) if isinstance(axis, ListNode) else ():
            _refuse(scalar, problems)


def _open_values(root: Node) -> Iterator[Node]:
    """Give the nodes that may hold any JSON."""
    for spec in _below(root, "inputs"):
        yield from (node for name in INPUT_VALUES for node in _at(spec, name))
    yield from _at(root, "outputs")
    yield from _check_values(root)
    yield from _of_steps(root)


def _of_steps(owner: Node) -> Iterator[Node]:
    for step in _below(owner, "steps"):
        yield from _at(step, "with")
        yield from (
            node for http in _at(step, "http") for key in ("query", "json") for node in _at(http, key)
        )
        yield from _at(step, "outputs")
        yield from (node for on_error in _at(step, "on_error") for node in _at(on_error, "default"))
        yield from _check_values(step)
        yield from _of_steps(step)


def _check_values(owner: Node) -> Iterator[Node]:
    for check in _below(owner, "checks"):
        if isinstance(check, MapNode):
            yield from (entry.node for key, entry in check.entries.items() if _is_value(key, check.entries))


def _is_value(key: str, options: dict[str, Entry]) -> bool:
    """Whether a check's key holds its value: in the long form `value`, in the short form the type itself."""
    if "type" in options:
        return key == "value"
    kind = key.removeprefix("not-")
    return kind in CHECKS and CHECKS.get(kind).short_form == "value"


def _at(node: Node, key: str) -> Iterator[Node]:
    if isinstance(node, MapNode) and key in node.entries:
        yield node.entries[key].node


def _below(node: Node, key: str) -> Iterator[Node]:
    """Give what is in the list or map at a key."""
    for inner in _at(node, key):
        if isinstance(inner, ListNode):
            yield from inner.items
        elif isinstance(inner, MapNode):
            yield from (entry.node for entry in inner.entries.values())


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _scalars(item)
    else:
        for entry in node.entries.values():
            yield from _scalars(entry.node)


def _refuse(scalar: ScalarNode, problems: Problems) -> None:
    if scalar.written.ambiguous:
        place = scalar.place
        message = f"{shown(scalar.written.text)} would be read as the number {shown(scalar.value)}"
        hint = f"quote it if it is text; else write {shown(scalar.value)}"
        problems.add(place.source, place.position, message, code="ambiguous", hint=hint, width=place.width)
