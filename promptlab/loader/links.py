"""What is found out about the steps of a cell, each by its path: `parts.part` is a step inside `parts`."""

from collections.abc import Iterable, Iterator
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.step import Step
from promptlab.loader.document import Document
from promptlab.loader.lacking import Needed
from promptlab.schemas.template import Place

MOST_STEPS = 5_000


@slotted
class Links:
    """`needs`: the steps that each names or needs; `for_checks`: those of them that only its checks name.

    `columns_named`: what checks name that is no step; `columns_needed`: the columns of it that every row must
    have, with the place that says so first.
    `in_order`: steps that are run for one item after the other; `sites`: where each step is written,
    and at `""`, or `parts.`, the pipeline that they belong to.
    """

    needs: dict[str, set[str]] = field(default_factory=dict)
    for_checks: dict[str, frozenset[str]] = field(default_factory=dict)
    in_order: set[str] = field(default_factory=set)
    sites: dict[str, tuple[Document, Place]] = field(default_factory=dict)
    columns_named: set[str] = field(default_factory=set)
    columns_needed: dict[str, Needed] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether there are more steps than may be called."""
        return len(self.sites) > MOST_STEPS

    def add(self, path: str, document: Document, place: Place) -> None:
        """Begin with a step."""
        self.needs[path] = set()
        self.sites[path] = document, place

    def around_and(self, path: str) -> Iterator[tuple[Document, Place]]:
        """Give where a step is written, then the steps around it from the inside out."""
        while path:
            yield self.sites[path]
            path = path.rpartition(".")[0]

    def around(self, path: str, inner: Iterable[Step]) -> tuple[set[str], set[str]]:
        """Give the steps outside a step that those inside it need, and those that only their checks name."""
        ids = {step.id for step in inner}
        paths = [f"{path}.{name}" for name in ids]
        by_checks = {name for each in paths for name in self.for_checks.get(each, ())} - ids
        needed = {
            name for each in paths for name in self.needs[each] - self.for_checks.get(each, set())
        } - ids
        return needed, by_checks - needed

    def dependencies(self) -> dict[str, frozenset[str]]:
        return {path: frozenset(names) for path, names in self.needs.items()}
