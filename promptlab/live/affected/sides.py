"""The two sides of a comparison: a pipeline as it is, and as it was."""

from collections.abc import Mapping
from functools import cached_property

from promptlab.core.frozen import frozen
from promptlab.engine.plan import Cell
from promptlab.live.affected.contents import Contents
from promptlab.live.affected.definition import CellDefinition, Definition
from promptlab.live.affected.describing import describe
from promptlab.loader.loading import LoadedPipeline


@frozen(slots=False)
class Side:
    """`changed`: the files that are not alike on both sides."""

    loaded: LoadedPipeline
    changed: frozenset[str]

    @cached_property
    def contents(self) -> Contents:
        return Contents(self.loaded.files, self.changed)

    @cached_property
    def definitions(self) -> Mapping[str, CellDefinition]:
        """What each cell is made of, by its name."""
        return {cell.name: describe(cell, self.contents) for cell in self.loaded.cells}

    @property
    def cells(self) -> Mapping[str, Cell]:
        return {cell.name: cell for cell in self.loaded.cells}

    @property
    def data(self) -> object:
        """What its rows hang on, where they are read from files; None where they stand in the pipeline."""
        loaded, scan = self.loaded, self.loaded.scan
        if loaded.dataset is None or scan is None or not scan.sha256:
            return None
        return scan.sha256, scan.inputs, loaded.dataset.origin, loaded.selection, loaded.row_count


@frozen(slots=False)
class CellPair:
    """A cell as it is and as it was, maybe under another name."""

    now: Cell
    was: Cell
    definition: CellDefinition
    before: CellDefinition

    @property
    def repeats(self) -> int:
        """How many repeats there are on both sides."""
        return min(self.now.spec.repeat.count, self.was.spec.repeat.count)

    @cached_property
    def judge_words(self) -> Mapping[str, frozenset[str] | None]:
        """By place, the names of a row that the checks on either side may look at; None: all."""
        return {
            place: _either(now, self.before.places.get(place))
            for place, now in self.definition.places.items()
        }

    @cached_property
    def is_alike(self) -> bool:
        """Whether equal rows do the same in it."""
        return self.asks_alike and self.definition.signature == self.before.signature

    @cached_property
    def asks_alike(self) -> bool:
        """Whether equal rows ask and make the same in it; they may be judged otherwise."""
        now, before = self.definition, self.before
        return now.asking == before.asking and not now.reads_files


def _either(now: Definition, before: Definition | None) -> frozenset[str] | None:
    if before is None or now.judge_words is None:
        return now.judge_words
    return None if before.judge_words is None else now.judge_words | before.judge_words


def paired(head: Side, base: Side) -> list[CellPair]:
    """Give the cells that are on both sides: of one name, else of one content."""
    names = {name: name for name in head.cells if name in base.cells}
    gone = [name for name in base.cells if name not in names]
    for name in head.cells.keys() - names.keys():
        same = (old for old in gone if base.definitions[old].signature == head.definitions[name].signature)
        found = next(same, None)
        if found is not None:
            gone.remove(found)
            names[name] = found
    return [
        CellPair(cell, base.cells[names[name]], head.definitions[name], base.definitions[names[name]])
        for name, cell in head.cells.items()
        if name in names
    ]
