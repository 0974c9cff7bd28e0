"""Makes a row of a record: inputs typed, defaults applied, an id."""

from collections.abc import Callable, Mapping

from promptlab.core.display import shown
from promptlab.core.json import JSON
from promptlab.loader.rows.identity import RowIds
from promptlab.loader.rows.paths import RowPaths
from promptlab.loader.rows.record import Record, RowFault
from promptlab.loader.rows.special import checks_of, refuse_unknown, tags_of
from promptlab.loader.rows.values import Absent, InputReader
from promptlab.schemas.dataset import InputSpec, Row

__all__ = ["RowBuilder"]

MOST_COLUMNS = 10_000

type Report = Callable[[Record, RowFault], None]


class RowBuilder:
    """Builds the rows of one file in order.

    `columns` are those met so far, ours among them; they and `ids` are those of the whole dataset.
    `paths`: what holds the files that rows name to their types; None: they were held to them before.
    """

    def __init__(
        self,
        inputs: Mapping[str, InputSpec],
        report: Report,
        *,
        cells_are_text: bool,
        file: str = "",
        ids: RowIds | None = None,
        columns: dict[str, None] | None = None,
        paths: RowPaths | None = None,
    ) -> None:
        self._paths = paths
        self.columns = {} if columns is None else columns
        self._file = file
        self._report = report
        self._text = cells_are_text
        self._readers = [
            InputReader(name, spec, cells_are_text=cells_are_text) for name, spec in inputs.items()
        ]
        self._defaults = {name: spec.default for name, spec in inputs.items() if not spec.required}
        self._ids = RowIds() if ids is None else ids
        self._special = any(column.startswith("$") for column in self.columns)

    def build(self, index: int, record: Record) -> Row | None:
        """The row of a record; None, with everything that is wrong reported, where it is none."""
        values = record.values
        try:
            if not values.keys() <= self.columns.keys():
                self._learn(values)
            given = self._given(record)
            if given is None:
                return None
            return self._row(index, record, given)
        except RowFault as fault:
            self._report(record, fault)
            return None

    def _row(self, index: int, record: Record, given: dict[str, JSON]) -> Row:
        values = record.values
        row_id = self._ids.named(values) or self._ids.hashed(given)
        inputs = {**self._defaults, **given} if self._defaults else given
        if not self._special:
            present = _present(values) if None in values.values() else values
            return Row(index, row_id, inputs, present, record.line, (), (), self._file)
        tags = tags_of(values, cells_are_text=self._text)
        checks = checks_of(values, cells_are_text=self._text)
        columns = {name: value for name, value in _present(values).items() if not name.startswith("$")}
        return Row(index, row_id, inputs, columns, record.line, tags, checks, self._file)

    def _given(self, record: Record) -> dict[str, JSON] | None:
        values, given = record.values, {}
        faulty = False
        for reader in self._readers:
            try:
                value = reader.read(values.get(reader.name))
                if not isinstance(value, Absent):
                    given[reader.name] = value
                elif reader.spec.required:
                    raise _missing(reader.name, values)
            except RowFault as fault:
                faulty = True
                self._report(record, fault)
        for wrong in self._paths.faults(given) if self._paths is not None else ():
            faulty = True
            self._report(record, wrong)
        return None if faulty else given

    def _learn(self, values: Mapping[str, JSON]) -> None:
        refuse_unknown(values)
        self.columns.update(dict.fromkeys(values))
        self._special = any(column.startswith("$") for column in self.columns)
        if len(self.columns) > MOST_COLUMNS:
            message = f"more than {MOST_COLUMNS:,} different columns"
            raise RowFault(message, code="columns", hint="put the data below one key, as an object")


def _present(values: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in values.items() if value is not None}


def _missing(name: str, values: Mapping[str, JSON]) -> RowFault:
    if name not in values:
        message = f"the row lacks {shown(name)}"
        hint = f"add it, or give the input a default; the row has {', '.join(map(shown, list(values)[:8]))}"
        return RowFault(message, code="missing-input", hint=hint)
    hint = "give it a value, or give the input a default"
    return RowFault(f"{shown(name)} has no value", code="missing-input", column=name, hint=hint)
