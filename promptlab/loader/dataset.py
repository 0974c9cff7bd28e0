"""Datasets: every row read once to find what is wrong, and again as a stream to run."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import field

from promptlab.core.frozen import frozen
from promptlab.engine.conversation import Form
from promptlab.loader.document import Document
from promptlab.loader.files import FileSnapshot, ProjectFiles
from promptlab.loader.globbing import files_matching
from promptlab.loader.problems import Position, Problems
from promptlab.loader.reading import MOST_ROWS, DataFile, Reading, infer_inputs
from promptlab.loader.rows.formats import formats_of
from promptlab.loader.rows.identity import RowIds
from promptlab.loader.rows.names import check_input_name
from promptlab.loader.rows.stream import hashed
from promptlab.schemas.dataset import DatasetSpec, InputSpec, Row

__all__ = ["MOST_ROWS", "Dataset", "Scan", "check_input_name", "infer_inputs"]

MOST_KEPT = 2_000_000  # bytes of data files whose rows are kept from the first reading, not read again


@frozen
class Scan:
    """What a first reading of a dataset found.

    `columns` are those of any row, but ours; `sha256` the hashes of its files as they were read, in order;
    `contested`: the ids that more than one row came to, where that is known of all rows and they are few.
    `forms`: by input, what kinds of files its paths lead to. `kept`: all its rows, where its files are small.
    """

    rows: int
    columns: tuple[str, ...]
    inputs: Mapping[str, InputSpec]
    sha256: Mapping[str, str]
    contested: frozenset[str] | None = None
    forms: Mapping[str, frozenset[Form]] = field(default_factory=dict)
    kept: Sequence[Row] | None = field(default=None, compare=False, repr=False)


@frozen(slots=False)
class Dataset:
    """Rows of data files, or of a list in a document.

    Without `inputs`, they are the first row's columns that can be names. `alone` asks for what a file must
    keep that no pipeline uses: columns that are names, the same in each row, no null.
    """

    files: ProjectFiles
    origin: DatasetSpec | Document
    inputs: Mapping[str, InputSpec] | None = None
    alone: bool = False

    def scan(self, problems: Problems, each: Callable[[Row], object] = lambda _: None) -> Scan | None:
        """Reads every row and shows it to `each`, until it says False; None where there are problems.

        Raises FileError where a file cannot be used.
        """
        reading = Reading(self.files, problems, self.inputs, self.alone, with_files=True)
        errors, sources = problems.errors, self._sources()
        is_cut = False
        kept: list[Row] | None = [] if self._are_small(sources) else None
        for row in _rows(reading, sources):
            if kept is not None:
                kept.append(row)
            is_cut = each(row) is False
            reading.is_stopped = is_cut or self._is_enough(reading.count)
        if problems.errors > errors:
            return None
        if reading.count == 0:
            hint = "add a row; a run without rows checks nothing"
            problems.add(self.file, Position(1, 1), "there are no rows", code="no-rows", hint=hint)
            return None
        return Scan(
            reading.count,
            reading.columns,
            reading.inputs or {},
            self._hashes(sources),
            None if is_cut else reading.ids.contested,
            reading.forms,
            None if is_cut else kept,
        )

    def rows(self, scan: Scan | None = None) -> Generator[Row]:
        """The rows, as a stream; raises InvalidPipeline at the first that is wrong.

        Of a dataset that was scanned the same files are read; raises FileError if one of them has changed.
        """
        if scan is not None and scan.kept is not None:
            self._look_again(scan.sha256)
            yield from scan.kept
            return
        problems = Problems()
        ids = RowIds(None if scan is None else scan.contested)
        reading = Reading(self.files, problems, self.inputs, self.alone, ids=ids)
        for row in _rows(reading, self._sources() if scan is None else self._unchanged(scan.sha256)):
            problems.raise_errors()
            reading.is_stopped = self._is_enough(reading.count)
            yield row
        problems.raise_errors()

    def paths(self) -> list[str]:
        """The data files that there are now; raises FileError."""
        return [data.source for data in self._sources() if isinstance(data.source, str)]

    def snapshots(self) -> tuple[FileSnapshot, ...]:
        """The data files as they were read."""
        located = (self.files.resolve(path) for path in self.paths())
        return tuple(self.files.files_read[path] for path in located if path in self.files.files_read)

    @property
    def file(self) -> str:
        """The file, or pattern, as a problem names it."""
        return self.origin.file if isinstance(self.origin, Document) else self.origin.path

    def _is_enough(self, count: int) -> bool:
        """Whether so many rows are all that is wanted, whatever is in them."""
        spec = self.origin
        if isinstance(spec, Document) or spec.where is not None or spec.sample is not None:
            return False
        return count == spec.limit

    def _sources(self) -> list[DataFile]:
        if isinstance(self.origin, Document):
            return [DataFile(self.origin)]
        paths = files_matching(self.files, self.origin.path)
        return [DataFile(path, kind) for path, kind in formats_of(paths, self.origin.format).items()]

    def _unchanged(self, known: Mapping[str, str]) -> list[DataFile]:
        """The files that were scanned, looked at before the first row, and again when their turn comes."""
        if isinstance(self.origin, Document):
            return [DataFile(self.origin)]
        self._look_again(dict(list(known.items())[1:]))
        formats = formats_of(list(known), self.origin.format)
        return [DataFile(path, kind, known[path]) for path, kind in formats.items()]

    def _look_again(self, known: Mapping[str, str]) -> None:
        """Raise FileError where a file is not what it was; `known`: the SHA-256 of each."""
        for path, sha256 in known.items():
            with self.files.open(path) as stream:
                hashed(self.files, path, stream, known=sha256)

    def _are_small(self, sources: list[DataFile]) -> bool:
        """Whether the files are so small that their rows take little room; of Parquet they do not tell."""
        if any(data.kind == "parquet" for data in sources):
            return False
        paths = [data.source for data in sources if isinstance(data.source, str)]
        return sum(map(self.files.size, paths)) <= MOST_KEPT

    def _hashes(self, sources: list[DataFile]) -> dict[str, str]:
        located = {
            data.source: self.files.resolve(data.source) for data in sources if isinstance(data.source, str)
        }
        read = self.files.files_read
        return {path: read[place].sha256 for path, place in located.items() if place in read}


def _rows(reading: Reading, sources: list[DataFile]) -> Iterator[Row]:
    for data in sources:
        yield from reading.rows(data)
        if reading.is_stopped or reading.problems.flooded:
            return
