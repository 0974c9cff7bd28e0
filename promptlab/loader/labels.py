"""What people said of the answers of a run: CSV, or JSON lines, with a label a line."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from promptlab.core.display import shown
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.loader.decoding import DecodingError, decode
from promptlab.loader.nodes import Place
from promptlab.loader.problems import Problems
from promptlab.loader.rows.csv_rows import CsvRows
from promptlab.loader.rows.json_rows import JsonlRows
from promptlab.loader.rows.record import Record, RecordReader, RowFault
from promptlab.loader.source_text import SourceText

HUMAN = "human"
NAMES = ("row_id", "id", "row")  # what tells the row, the first that is there
CELLS = ("cell", "variant")
KNOWN = (*NAMES, *CELLS, "repeat", "step", "check", HUMAN)
WORDS = {"pass": True, "passed": True, "true": True, "fail": False, "failed": False, "false": False}
NUMBERS = {"1": True, "0": False, "1.0": True, "0.0": False}
LARGEST = 64 * 2**20


@frozen(kw_only=True)
class Label:
    """What a person said of one answer. Where a name is None, the file does not say it.

    `row_id` or else `row`, counted from 0, is there; `cell` is a whole name or a variant's.
    """

    place: Place
    passed: bool
    row_id: str | None = None
    row: int | None = None
    cell: str | None = None
    repeat: int | None = None
    step: str | None = None
    check: str | None = None

    @property
    def named(self) -> str:
        """The row as messages name it."""
        return f"row {self.row}" if self.row_id is None else f"row {shown(self.row_id)}"


def read_labels(path: Path, problems: Problems, *, threshold: float | None = None) -> list[Label]:
    """Give the labels of a file; what is none goes to `problems`. Raises UsageError.

    With a `threshold` labels are scores from 0 to 1, and those from it up pass.
    """
    text = _text(path, problems)
    if text is None:
        return []
    lines = io.StringIO(text, newline="\n")
    is_csv = path.suffix.lower() == ".csv"
    reader: RecordReader = (CsvRows if is_csv else JsonlRows)(str(path), lines, problems)
    labels = []
    for record in reader.records():
        try:
            label = _label(record, partial(_place, reader, path, record), threshold)
        except RowFault as fault:
            _add(problems, _place(reader, path, record, fault.column), fault)
            continue
        if label is not None:
            labels.append(label)
    if not labels and not problems.errors:
        raise UsageError(f"{path}: there is no label in it", hint=f"put one a line into a column `{HUMAN}`")
    return labels


def _text(path: Path, problems: Problems) -> str | None:
    if path.suffix.lower() not in {".csv", ".jsonl", ".ndjson"}:
        raise UsageError(f"{path}: labels are CSV or JSON lines", hint="name it *.csv or *.jsonl")
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: is larger than {LARGEST // 2**20} MB", hint="leave out the answers")
        return decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except DecodingError as error:
        problems.add(str(path), error.position, str(error), code=error.code, hint=error.hint)
    return None


def _place(reader: RecordReader, path: Path, record: Record, column: str | None) -> Place:
    return reader.place(record, column) or Place(SourceText(str(path), ""), record.line, 1)


def _add(problems: Problems, place: Place, fault: RowFault) -> None:
    code, hint = fault.code, fault.hint
    problems.add(place.source, place.position, str(fault), code=code, hint=hint, width=place.width)


def _label(record: Record, place: Callable[[str], Place], threshold: float | None) -> Label | None:
    """Give the label of a line; None where it has none yet."""
    said = {name: value for name, value in record.values.items() if value not in (None, "")}
    if HUMAN not in record.values:
        raise _lacking(record.values, HUMAN, "the label: pass or fail")
    if HUMAN not in said:
        return None
    name = next((name for name in NAMES if name in said), None)
    if name is None:
        raise _lacking(record.values, "row_id", "the id of the row; or `row`, its number from 0")
    return Label(
        place=place(name),
        passed=_passed(said[HUMAN], threshold),
        row_id=None if name == "row" else _word(said, name),
        row=_number(said, "row") if name == "row" else None,
        cell=next((_word(said, name) for name in CELLS if name in said), None),
        repeat=_number(said, "repeat") if "repeat" in said else None,
        step=_word(said, "step") if "step" in said else None,
        check=_word(said, "check") if "check" in said else None,
    )


def _lacking(values: Mapping[str, JSON], name: str, what: str) -> RowFault:
    near = did_you_mean(name, [column for column in values if column not in KNOWN])
    return RowFault(f"there is no column `{name}` ({what})", code="label-column", hint=near)


def _word(said: Mapping[str, JSON], name: str) -> str:
    value = said[name]
    if isinstance(value, dict | list | bool):
        raise RowFault(f"`{name}` must be text, not {shown(value)}", code="label", column=name)
    return str(value)


def _number(said: Mapping[str, JSON], name: str) -> int:
    text = str(said[name])
    if not (text.isascii() and text.isdecimal()):
        message = f"`{name}` must be a whole number from 0, not {shown(said[name])}"
        raise RowFault(message, code="label", column=name)
    return int(text)


def _passed(said: JSON, threshold: float | None) -> bool:
    text = str(said).strip().lower()
    if text in WORDS:
        return WORDS[text]
    score = _score(text)
    if score is None:
        message = f"the label must be pass or fail, true or false, 1 or 0, not {shown(said)}"
        raise RowFault(message, code="label", column=HUMAN, hint=did_you_mean(text, WORDS))
    if threshold is not None:
        return score >= threshold
    if text not in NUMBERS:
        hint = "say from where on it passes: --threshold 0.5"
        raise RowFault(f"the label {shown(said)} is a score", code="label", column=HUMAN, hint=hint)
    return NUMBERS[text]


def _score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None
