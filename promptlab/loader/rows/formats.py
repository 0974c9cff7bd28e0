"""The formats of data files: which one a file has, and its reader."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath

from promptlab.core.display import shown
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.rows.csv_rows import CsvRows
from promptlab.loader.rows.json_rows import JsonListRows, JsonlRows
from promptlab.loader.rows.record import RecordReader
from promptlab.loader.rows.stream import read_lines, read_whole
from promptlab.loader.rows.yaml_rows import YamlRows
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import DataFormat, InputSpec

__all__ = ["SUFFIXES", "format_of", "formats_of", "open_reader"]

SUFFIXES: dict[str, DataFormat] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".parquet": "parquet",
}
NUMERIC = frozenset({"number", "integer"})


def format_of(path: str, said: DataFormat | None) -> DataFormat:
    """The format that is said, else that of the suffix; raises FileError."""
    suffix = PurePosixPath(path).suffix.lower()
    if said is not None:
        return said
    if suffix not in SUFFIXES:
        hint = "say `format: csv`, jsonl, json, yaml or parquet"
        raise FileError(f"the format of {shown(path)} is unknown", code="format", hint=hint)
    return SUFFIXES[suffix]


def formats_of(paths: list[str], said: DataFormat | None) -> dict[str, DataFormat]:
    """The format of each file of one dataset; raises FileError where CSV is among others."""
    formats = {path: format_of(path, said) for path in paths}
    texts = [path for path, kind in formats.items() if kind == "csv"]
    if texts and len(texts) < len(formats):
        other = next(path for path in formats if path not in texts)
        message = f"{shown(texts[0])} is CSV and {shown(other)} is not"
        hint = "a cell of CSV is text, where other formats have types: narrow the pattern"
        raise FileError(message, code="format", hint=hint)
    return formats


@contextmanager
def open_reader(
    files: ProjectFiles,
    source: str | Document,
    kind: DataFormat | None,
    problems: Problems,
    *,
    inputs: Mapping[str, InputSpec],
    known: str | None = None,
) -> Iterator[RecordReader | None]:
    """The reader of a data file, or of a list in a document; None where there is a problem.

    Raises FileError, also where the file is not what it was: `known` is its SHA-256 then.
    """
    numeric = frozenset(name for name, spec in inputs.items() if spec.type in NUMERIC)
    if isinstance(source, Document):
        yield YamlRows(source, problems, numeric)
    elif kind == "json":
        yield JsonListRows(source, read_whole(files, source, known=known), problems)
    elif kind == "yaml":
        text = files.read_text(source, problems)
        document = None if text is None else parse_yaml(source, text, problems, top="any")
        yield None if document is None else YamlRows(document, problems, numeric)
    elif kind == "parquet":
        from promptlab.loader.rows.parquet_rows import ParquetRows, parquet_lines  # noqa: PLC0415

        with parquet_lines(files, source, known=known) as lines:
            yield ParquetRows(source, lines, problems)
    else:
        reader = CsvRows if kind == "csv" else JsonlRows
        with read_lines(files, source, known=known) as lines:
            yield reader(source, lines, problems)
