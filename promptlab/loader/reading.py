"""One pass over the rows of a dataset, file by file."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import chain

from promptlab.core.display import shown
from promptlab.core.frozen import frozen, slotted
from promptlab.engine.conversation import Form
from promptlab.loader.decoding import DecodingError
from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles, add_unreadable
from promptlab.loader.problems import Position, Problems
from promptlab.loader.rows.builder import RowBuilder
from promptlab.loader.rows.formats import open_reader
from promptlab.loader.rows.identity import RowIds
from promptlab.loader.rows.names import check_input_name
from promptlab.loader.rows.paths import RowPaths
from promptlab.loader.rows.record import Record, RecordReader, RowFault
from promptlab.schemas.dataset import DataFormat, InputSpec, Row

__all__ = ["MOST_ROWS", "DataFile", "Reading", "infer_inputs"]

MOST_ROWS = 1_000_000


@frozen
class DataFile:
    """A data file, or a list of rows in a document; `known` is the SHA-256 that it must have."""

    source: str | Document
    kind: DataFormat | None = None
    known: str | None = None

    @property
    def name(self) -> str:
        return self.source.file if isinstance(self.source, Document) else self.source


@slotted
class Reading:
    """What is known across the files. `inputs` None: the columns of the first row that can be names.

    `alone` asks for what a file must keep that no pipeline uses: columns that are names, the same in each
    row, no null. `count` counts the rows so far, `met` their columns; `is_stopped` ends the reading behind
    the row that was given last. The first reading is `with_files`: it holds what rows name to their types.
    """

    files: ProjectFiles
    problems: Problems
    inputs: Mapping[str, InputSpec] | None
    alone: bool = False
    with_files: bool = False
    count: int = 0
    first: Record | None = None
    met: dict[str, None] = field(default_factory=dict)
    ids: RowIds = field(default_factory=RowIds)
    is_stopped: bool = False
    paths: RowPaths | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all rows so far, but ours."""
        return tuple(name for name in self.met if not name.startswith("$"))

    @property
    def forms(self) -> dict[str, frozenset[Form]]:
        """By input, what kinds of files the paths of all rows so far lead to."""
        found = self.paths.forms if self.paths is not None else {}
        return {name: frozenset(forms) for name, forms in found.items()}

    def rows(self, data: DataFile) -> Iterator[Row]:
        """The rows of one more file; raises FileError where it cannot be used."""
        inputs = self.inputs or {}
        try:
            with open_reader(
                self.files, data.source, data.kind, self.problems, inputs=inputs, known=data.known
            ) as reader:
                if reader is not None:
                    yield from _FileReading(self, data.name, reader).rows()
        except DecodingError as fault:
            add_unreadable(self.problems, data.name, fault)


@frozen
class _FileReading:
    whole: Reading
    file: str
    reader: RecordReader

    def rows(self) -> Iterator[Row]:
        records = self.reader.records()
        first = next(records, None)
        if first is None:
            return
        inputs = self._begin(first)
        if self._has_columns(first, inputs):
            yield from self._built(inputs, chain([first], records))

    def _begin(self, first: Record) -> Mapping[str, InputSpec]:
        whole = self.whole
        if whole.inputs is None:
            whole.inputs = infer_inputs(first.values, cells_are_text=self.reader.cells_are_text)
        if whole.first is None:
            whole.first = first
            whole.paths = RowPaths(whole.files, whole.inputs) if whole.with_files else None
        return whole.inputs

    def _built(self, inputs: Mapping[str, InputSpec], records: Iterator[Record]) -> Iterator[Row]:
        whole = self.whole
        builder = RowBuilder(
            inputs,
            self._report,
            cells_are_text=self.reader.cells_are_text,
            file=self.file,
            ids=whole.ids,
            columns=whole.met,
            paths=whole.paths,
        )
        for record in records:
            if whole.problems.flooded:
                return
            if whole.count == MOST_ROWS:
                self._report(record, _too_many())
                return
            row = builder.build(whole.count, record)
            whole.count += 1
            if row is not None:
                yield row
            if whole.alone:
                self._check_alone(record)
            if whole.is_stopped:
                return

    def _has_columns(self, first: Record, inputs: Mapping[str, InputSpec]) -> bool:
        """Says once, not for each row, that a table lacks a column."""
        if not self.reader.cells_are_text:
            return True
        missing = [name for name, spec in inputs.items() if spec.required and name not in first.values]
        for name in missing:
            known = ", ".join(shown(column) for column in list(first.values)[:12])
            hint = f"add it, or give the input a default; there are {known}"
            message = f"there is no column for the input {shown(name)}"
            self.whole.problems.add(self.file, Position(1, 1), message, code="missing-input", hint=hint)
        return not missing

    def _check_alone(self, record: Record) -> None:
        first = self.whole.first or record
        for column in record.values:
            reason = check_input_name(column) if record is first and not column.startswith("$") else None
            if reason is not None:
                fault = f"the column {shown(column)} {reason}"
                hint = "rename it; only a pipeline that names its inputs may use such a file"
                self._report(record, RowFault(fault, code="column-name", column=column, hint=hint), key=True)
            elif column not in first.values:
                message = f"the first row has no column {shown(column)}"
                hint = "give each row the same columns"
                self._report(record, RowFault(message, code="columns", column=column, hint=hint), key=True)

    def _report(self, record: Record, fault: RowFault, *, key: bool = False) -> None:
        problems, code, hint = self.whole.problems, fault.code, fault.hint
        place = None if problems.full else self.reader.place(record, fault.column, key=key)
        if place is None:
            problems.add(self.file, Position(record.line, 1), str(fault), code=code, hint=hint)
        else:
            problems.add(place.source, place.position, str(fault), code=code, hint=hint, width=place.width)


def infer_inputs(values: Mapping[str, object], *, cells_are_text: bool) -> dict[str, InputSpec]:
    """The inputs of a pipeline that declares none: the columns of its first row that can be names."""
    spec = InputSpec("string" if cells_are_text else "any")
    return {name: spec for name in values if check_input_name(name) is None}


def _too_many() -> RowFault:
    hint = "say `limit: N` for the dataset, or split it"
    return RowFault(f"more than {MOST_ROWS:,} rows", code="too-many-rows", hint=hint)
