"""Datasets: every row read once to find what is wrong, and again as a stream to run."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import PurePosixPath

from promptlab.core.display import shown
from promptlab.engine.conversation import Form
from promptlab.loader.decoding import DecodingError
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles, add_unreadable
from promptlab.loader.problems import Position, Problems
from promptlab.loader.rows.builder import RowBuilder
from promptlab.loader.rows.csv_rows import CsvRows
from promptlab.loader.rows.json_rows import JsonListRows, JsonlRows
from promptlab.loader.rows.names import check_input_name
from promptlab.loader.rows.paths import RowPaths
from promptlab.loader.rows.record import Record, RecordReader, RowFault
from promptlab.loader.rows.stream import read_lines, read_whole
from promptlab.loader.rows.yaml_rows import YamlRows
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import DataFormat, DatasetSpec, InputSpec, Row

__all__ = ["MOST_ROWS", "Dataset", "Scan", "check_input_name", "format_of", "infer_inputs"]

MOST_ROWS = 1_000_000
SUFFIXES: dict[str, DataFormat] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
}
NUMERIC = frozenset({"number", "integer"})


@dataclass(frozen=True, slots=True)
class Scan:
    """What a first reading of a dataset found; `columns` are those of any row, but ours.

    `forms`: by input, what kinds of files its paths lead to.
    """

    rows: int
    columns: tuple[str, ...]
    inputs: Mapping[str, InputSpec]
    sha256: str | None
    forms: Mapping[str, frozenset[Form]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Rows of a data file, or of a list in a document.

    Without `inputs`, they are the first row's columns that can be names. `alone` asks for what a file must
    keep that no pipeline uses: columns that are names, the same in each row, no null.
    """

    files: ProjectFiles
    origin: DatasetSpec | Document
    inputs: Mapping[str, InputSpec] | None = None
    alone: bool = False
    limit: int | None = field(default=None)

    def scan(self, problems: Problems, each: Callable[[Row], None] = lambda _: None) -> Scan | None:
        """Reads every row and shows it to `each`; None where there are problems.

        Raises FileError where the file cannot be used.
        """
        reading = _Reading(self, problems, with_files=True)
        errors, count = problems.errors, 0
        for row in reading.rows():
            each(row)
            count += 1
        if problems.errors > errors:
            return None
        if count == 0:
            hint = "add a row; a run without rows checks nothing"
            problems.add(self.file, Position(1, 1), "there are no rows", code="no-rows", hint=hint)
            return None
        return Scan(count, reading.columns(), reading.inputs, self._sha256(), reading.forms())

    def rows(self) -> Generator[Row]:
        """The rows, as a stream; raises InvalidPipeline at the first that is wrong (the file has changed)."""
        problems = Problems()
        for row in _Reading(self, problems).rows():
            problems.raise_errors()
            yield row
        problems.raise_errors()

    @property
    def file(self) -> str:
        """The file as a problem names it."""
        return self.origin.file if isinstance(self.origin, Document) else self.origin.path

    def most_rows(self) -> int | None:
        """How many rows are read at most; None for all."""
        return self.limit if isinstance(self.origin, Document) else self.origin.limit

    def _sha256(self) -> str | None:
        if isinstance(self.origin, Document):
            return None
        return self.files.files_read[self.files.resolve(self.origin.path)].sha256


class _Reading:
    """One pass over a dataset; the first is `with_files`, and holds what rows name to their types."""

    def __init__(self, dataset: Dataset, problems: Problems, *, with_files: bool = False) -> None:
        self._with_files = with_files
        self._paths: RowPaths | None = None
        self._dataset = dataset
        self._problems = problems
        self._reader: RecordReader | None = None
        self._builder: RowBuilder | None = None
        self.inputs: Mapping[str, InputSpec] = dataset.inputs or {}

    def columns(self) -> tuple[str, ...]:
        met = self._builder.columns if self._builder is not None else {}
        return tuple(name for name in met if not name.startswith("$"))

    def forms(self) -> dict[str, frozenset[Form]]:
        found = self._paths.forms if self._paths is not None else {}
        return {name: frozenset(forms) for name, forms in found.items()}

    def rows(self) -> Iterator[Row]:
        try:
            with _reader_of(self._dataset, self._problems) as reader:
                if reader is not None:
                    self._reader = reader
                    yield from self._built(reader)
        except DecodingError as fault:
            add_unreadable(self._problems, self._dataset.file, fault)

    def _built(self, reader: RecordReader) -> Iterator[Row]:
        records = reader.records()
        first = next(records, None)
        if first is None:
            return
        if self._dataset.inputs is None:
            self.inputs = infer_inputs(first.values, cells_are_text=reader.cells_are_text)
        self._paths = RowPaths(self._dataset.files, self.inputs) if self._with_files else None
        builder = self._builder = RowBuilder(
            self.inputs, self._report, cells_are_text=reader.cells_are_text, paths=self._paths
        )
        if not self._has_columns(first):
            return
        for index, record in enumerate(islice(chain([first], records), self._dataset.most_rows())):
            if self._problems.flooded:
                return
            if index == MOST_ROWS:
                self._report(record, _too_many())
                return
            row = builder.build(index, record)
            if row is not None:
                yield row
            if self._dataset.alone:
                self._check_alone(record, first)

    def _has_columns(self, first: Record) -> bool:
        """Says once, not for each row, that a table lacks a column."""
        if self._reader is None or not self._reader.cells_are_text:
            return True
        missing = [n for n, spec in self.inputs.items() if spec.required and n not in first.values]
        for name in missing:
            known = ", ".join(shown(column) for column in list(first.values)[:12])
            hint = f"add it, or give the input a default; there are {known}"
            message = f"there is no column for the input {shown(name)}"
            self._problems.add(self._dataset.file, Position(1, 1), message, code="missing-input", hint=hint)
        return not missing

    def _check_alone(self, record: Record, first: Record) -> None:
        for column in record.values:
            reason = check_input_name(column) if record is first and not column.startswith("$") else None
            if reason is not None:
                fault = f"the column {shown(column)} {reason}"
                hint = "rename it; only a pipeline that names its inputs may use such a file"
                self._report(record, RowFault(fault, code="column-name", column=column, hint=hint), key=True)
            elif column not in first.values:
                message, hint = (
                    f"the first row has no column {shown(column)}",
                    "give each row the same columns",
                )
                self._report(record, RowFault(message, code="columns", column=column, hint=hint), key=True)

    def _report(self, record: Record, fault: RowFault, *, key: bool = False) -> None:
        if self._problems.full or self._reader is None:
            self._problems.add(self._dataset.file, None, str(fault), code=fault.code)
            return
        place = self._reader.place(record, fault.column, key=key)
        code, hint = fault.code, fault.hint
        if place is None:
            self._problems.add(self._dataset.file, Position(record.line, 1), str(fault), code=code, hint=hint)
        else:
            self._problems.add(
                place.source, place.position, str(fault), code=code, hint=hint, width=place.width
            )


def infer_inputs(values: Mapping[str, object], *, cells_are_text: bool) -> dict[str, InputSpec]:
    """The inputs of a pipeline that declares none: the columns of its first row that can be names."""
    spec = InputSpec("string" if cells_are_text else "any")
    return {name: spec for name in values if check_input_name(name) is None}


def format_of(spec: DatasetSpec) -> DataFormat:
    """The format that is said, else that of the suffix; raises FileError."""
    suffix = PurePosixPath(spec.path).suffix.lower()
    if spec.format is not None:
        return spec.format
    if suffix == ".parquet":
        raise FileError("Parquet files are not read yet", code="format", hint="write the rows as JSONL")
    if suffix not in SUFFIXES:
        hint = "say `format: csv`, jsonl, json or yaml"
        raise FileError(f"the format of {shown(spec.path)} is unknown", code="format", hint=hint)
    return SUFFIXES[suffix]


@contextmanager
def _reader_of(dataset: Dataset, problems: Problems) -> Iterator[RecordReader | None]:
    files, origin = dataset.files, dataset.origin
    numeric = frozenset(name for name, spec in (dataset.inputs or {}).items() if spec.type in NUMERIC)
    if isinstance(origin, Document):
        yield YamlRows(origin, problems, numeric)
        return
    kind, path = format_of(origin), origin.path
    if kind == "json":
        yield JsonListRows(path, read_whole(files, path), problems)
    elif kind == "yaml":
        text = files.read_text(path, problems)
        document = None if text is None else parse_yaml(path, text, problems, top="any")
        yield None if document is None else YamlRows(document, problems, numeric)
    else:
        reader: Callable[..., RecordReader] = CsvRows if kind == "csv" else JsonlRows
        with read_lines(files, path) as lines:
            yield reader(path, lines, problems)


def _too_many() -> RowFault:
    hint = "say `limit: N` for the dataset, or split it"
    return RowFault(f"more than {MOST_ROWS:,} rows", code="too-many-rows", hint=hint)
