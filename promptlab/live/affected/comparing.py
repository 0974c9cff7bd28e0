"""Compares a pipeline with what it was: row by row, cell by cell, step by step."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from itertools import batched

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.plan import Cell, Trial, trial_of
from promptlab.engine.scope import Render
from promptlab.live.affected.differing import Differing, new_row
from promptlab.live.affected.reasons import Reasons, reasons_of
from promptlab.live.affected.records import RowRecord, inputs_of, pack, unpack, whole_row
from promptlab.live.affected.sides import CellPair, Side, paired
from promptlab.live.affected.tracing import Tracer
from promptlab.loader.attachments import ProjectAttachments
from promptlab.schemas.affected import Effect, Why
from promptlab.schemas.dataset import Row

ROWS_AT_ONCE = 64


@frozen(kw_only=True)
class Means:
    """What a comparison works with. `has_answers`: some are on record, and they differ between repeats."""

    log: RecordedAnswers
    render: Render
    has_answers: bool


@slotted
class PlaceChange:
    """The rows for which a step does another thing, and for how many of them which reason holds."""

    rows: dict[tuple[int, str], None] = field(default_factory=dict)
    why: Counter[Why] = field(default_factory=Counter)

    def add(self, row: Row, whys: Iterable[Why]) -> None:
        self.rows[row.index, row.id] = None
        self.why.update(dict.fromkeys(whys, 1))


@slotted
class CellChanges:
    """What changes in a cell, by place and effect. `effects`: by the id of a row, the graver of its own.

    `new_repeats`: the number of the first repeat that was not there before.
    """

    cell: Cell
    places: dict[tuple[str, Effect], PlaceChange] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    new_repeats: int | None = None

    def add(self, row: Row, place: str, effect: Effect, whys: Iterable[Why]) -> None:
        self.places.setdefault((place, effect), PlaceChange()).add(row, whys)
        if self.effects.get(row.id) != "calls":
            self.effects[row.id] = effect


@slotted(slots=False)
class Comparison:
    """Of two sides of one pipeline. `gone`: the ids of rows that are there no more."""

    head: Side
    base: Side
    means: Means
    found: dict[str, CellChanges] = field(init=False)
    new_rows: list[str] = field(default_factory=list)
    gone: dict[str, bytes] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _records: dict[str, RowRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.found = {cell.name: CellChanges(cell) for cell in self.head.loaded.cells}

    @cached_property
    def pairs(self) -> Sequence[CellPair]:
        return paired(self.head, self.base)

    async def run(self) -> None:
        if not self._is_surely_alike():
            self._look_at_rows()
            async for row, record in self._recorded(self.base):
                self._records[row.id] = record
            async for row, record in self._recorded(self.head):
                self._compare(row, record)
        for cell in self.head.loaded.cells:
            self._add_what_is_new(cell)

    def _is_surely_alike(self) -> bool:
        data = self.head.data
        return data is not None and data == self.base.data and all(pair.is_alike for pair in self.pairs)

    def _look_at_rows(self) -> None:
        """Find the rows that are new, gone, or not what they were."""
        self.gone = {row.id: whole_row(row) for row in self.base.loaded.rows()}
        for row in self.head.loaded.rows():
            was = self.gone.pop(row.id, None)
            if was is None:
                self.new_rows.append(row.id)
            if was != whole_row(row):
                self._changed.add(row.id)

    def _is_compared(self, row: Row) -> bool:
        is_alike = all(pair.is_alike for pair in self.pairs)
        return row.id in self._changed if is_alike else row.id not in self.gone

    def _is_walked(self, row: Row, pair: CellPair) -> bool:
        return row.id in self._changed or not pair.asks_alike

    async def _recorded(self, side: Side) -> AsyncIterator[tuple[Row, RowRecord]]:
        attachments = ProjectAttachments(side.loaded.files)
        means = self.means
        tracer = Tracer(means.log, means.render, attachments, side.contents, side.definitions)
        for rows in batched(filter(self._is_compared, side.loaded.rows()), ROWS_AT_ONCE):
            for row, record in zip(rows, await self._traced(tracer, side, rows), strict=True):
                yield row, record

    async def _traced(self, tracer: Tracer, side: Side, rows: Sequence[Row]) -> list[RowRecord]:
        cells = [(pair, pair.now if side is self.head else pair.was) for pair in self.pairs]
        trials = [list(self._trials(row, cell, pair)) for row in rows for pair, cell in cells]
        traces = iter(await tracer.all([trial for some in trials for trial in some]))
        gathered = iter([[next(traces) for _ in some] for some in trials])
        return [
            RowRecord(inputs_of(row), tuple(pack(row, next(gathered), pair.judge_words) for pair, _ in cells))
            for row in rows
        ]

    def _trials(self, row: Row, cell: Cell, pair: CellPair) -> Iterator[Trial]:
        """Give the repeats to walk; where no answer is recorded, they do not differ."""
        repeats = pair.repeats if self.means.has_answers else 1
        for repeat in range(repeats if self._is_walked(row, pair) else 0):
            yield trial_of(row, cell, repeat)

    def _compare(self, row: Row, record: RowRecord) -> None:
        before = self._records.pop(row.id, None)
        for number, (pair, cell) in enumerate(zip(self.pairs, record.cells, strict=True)):
            places = tuple(pair.definition.places)
            now = unpack(cell, places)
            if before is None:
                differences = new_row(now)
            else:
                was = unpack(before.cells[number], places)
                is_changed = before.inputs != record.inputs
                differences = Differing(self._reasons[number], was, now, is_changed).all()
            for place, effect, whys in differences:
                self.found[pair.now.name].add(row, place, effect, whys)

    @cached_property
    def _reasons(self) -> Sequence[Mapping[str, Reasons]]:
        return [reasons_of(pair) for pair in self.pairs]

    def _add_what_is_new(self, cell: Cell) -> None:
        was = next((pair.was for pair in self.pairs if pair.now is cell), None)
        if was is None:
            add_all(self.found[cell.name], self.head.loaded.rows(), Why("new cell", cell.name))
        elif cell.spec.repeat.count > was.spec.repeat.count:
            before, now = was.spec.repeat.count, cell.spec.repeat.count
            self.found[cell.name].new_repeats = before
            for row in self.head.loaded.rows():
                _add_places(self.found[cell.name], row, Why("repeat", "", str(before), str(now)))


def add_all(changes: CellChanges, rows: Iterable[Row], why: Why) -> None:
    """Have all rows of a cell affected."""
    for row in rows:
        _add_places(changes, row, why)
        changes.effects[row.id] = "calls"


def _add_places(changes: CellChanges, row: Row, why: Why) -> None:
    for path, planned in changes.cell.paths():
        if not planned.inner:
            changes.places.setdefault((path, "calls"), PlaceChange()).add(row, [why])
