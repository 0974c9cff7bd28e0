"""Rows of a YAML list, in a file of its own or inline in a pipeline."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from promptlab.core.display import shown
from promptlab.loader.document import Document
from promptlab.loader.nodes import ListNode, MapNode, Place, ScalarNode, value_of
from promptlab.loader.problems import Problems
from promptlab.loader.rows.record import Record

__all__ = ["YamlRows"]


class YamlRows:
    """Reads the list at the top of a document; `numeric` names the inputs that may be nothing but numbers."""

    cells_are_text = False

    def __init__(
        self, document: Document, problems: Problems, numeric: AbstractSet[str] = frozenset()
    ) -> None:
        self._document = document
        self._problems = problems
        self._numeric = numeric

    def records(self) -> Iterator[Record]:
        root = self._document.root
        if not isinstance(root, ListNode):
            hint = "begin each row with `- `"
            self._document.report(self._problems, (), "the rows must be a list", code="row", hint=hint)
            return
        for index, item in enumerate(root.items):
            if isinstance(item, MapNode):
                self._refuse_ambiguous(item)
                values = {key: value_of(entry.node) for key, entry in item.entries.items()}
                yield Record(item.place.line, values, index)
            else:
                message, hint = "a row must be a map of columns and values", "write `- column: value`"
                self._document.report(self._problems, (index,), message, code="row", hint=hint)

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        index = record.raw if isinstance(record.raw, int) else 0
        return self._document.place((index,) if column is None else (index, column), key=key)

    def _refuse_ambiguous(self, item: MapNode) -> None:
        for key, entry in item.entries.items():
            node = entry.node
            number = isinstance(node, ScalarNode) and isinstance(node.value, int | float)
            if not isinstance(node, ScalarNode) or not number or key in self._numeric:
                continue
            written = node.written
            if not written.ambiguous:
                continue
            place = node.place
            message = f"{shown(written.text)} would be read as the number {shown(value_of(node))}"
            hint = "quote it if it is text"
            self._problems.add(
                place.source, place.position, message, code="ambiguous", hint=hint, width=place.width
            )
