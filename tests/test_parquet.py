"""Parquet: the same rows as other formats give, nothing converted, damaged files told."""

import datetime as dt
import io
import random
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl
import pytest

from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problem, Problems
from promptlab.loader.sources import FileError, Memory
from promptlab.schemas.dataset import DatasetSpec, InputSpec, Row


def parquet(columns: Mapping[str, object], **options: int) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def dataset(content: bytes, inputs: Mapping[str, InputSpec] | None = None) -> Dataset:
    return Dataset(ProjectFiles(Memory({"a.parquet": content})), DatasetSpec("a.parquet"), inputs=inputs)


def read(data: Dataset) -> tuple[Scan | None, list[Problem], list[Row]]:
    problems, found = Problems(), list[Row]()
    scan = data.scan(problems, found.append)
    return scan, list(problems), found


def told(problems: Sequence[Problem]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.message) for problem in problems]


def test_values_of_json_come_as_they_are_and_null_is_absent() -> None:
    """
    Given a Parquet file with texts, numbers, booleans, categories, lists, maps and nulls,
    when it is read,
    then each value is what it was, and a null is no column of its row.
    """
    content = parquet(
        {
            "id": ["a", "b"],
            "n": pl.Series([2**64 - 1, 1], dtype=pl.UInt64),
            "x": [0.1, -1e300],
            "ok": [True, None],
            "kind": pl.Series(["u", "v"], dtype=pl.Categorical),
            "tags": [["p", None], []],
            "pair": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
            "map": [{"a": 1, "b": [{"c": "é\n"}]}, {"a": None, "b": None}],
        }
    )

    _, problems, found = read(dataset(content, {}))

    assert problems == []
    assert [row.id for row in found] == ["a", "b"]
    assert [dict(row.columns) for row in found] == [
        {
            "id": "a",
            "n": 2**64 - 1,
            "x": 0.1,
            "ok": True,
            "kind": "u",
            "tags": ["p", None],
            "pair": [1, 2],
            "map": {"a": 1, "b": [{"c": "é\n"}]},
        },
        {
            "id": "b",
            "n": 1,
            "x": -1e300,
            "kind": "v",
            "tags": [],
            "pair": [3, 4],
            "map": {"a": None, "b": None},
        },
    ]


def test_types_that_json_does_not_have_are_refused_by_column() -> None:
    """
    Given columns of dates, times, decimals and bytes, one of them inside a list,
    when the file is scanned,
    then each is told once with its name and place, and how to mend it; no row is converted.
    """
    day = dt.datetime(2026, 2, 28, tzinfo=dt.UTC)
    content = parquet(
        {"id": ["a"], "day": [day.date()], "at": [[day]], "price": [Decimal("1.10")], "raw": [b"\x00"]}
    )

    scan, problems, found = read(dataset(content))

    assert (scan, found) == (None, [])
    assert [(line, column, message.split(",")[0]) for line, column, message in told(problems)] == [
        (1, 2, "the column 'day' has the type Date"),
        (1, 3, "the column 'at' has the type Datetime(time_unit='us'"),
        (1, 4, "the column 'price' has the type Decimal(precision=38"),
        (1, 5, "the column 'raw' has the type Binary"),
    ]
    assert all("cast it" in (problem.hint or "") for problem in problems)


def test_a_fault_stands_at_its_row_and_column() -> None:
    """
    Given a value of the wrong type, a value that is missing, NaN, and an id that is there twice,
    when the file is scanned for inputs,
    then each is told by row and column, with the value.
    """
    content = parquet(
        {"id": ["a", "b", "c", "a"], "n": ["1", None, "3", "4"], "x": [1.0, 2.0, float("nan"), 4.0]}
    )

    _, problems, _ = read(dataset(content, {"n": InputSpec("string", enum=("1", "3", "4"))}))
    _, typed, _ = read(dataset(content, {"n": InputSpec("integer")}))

    assert told(problems) == [
        (2, 2, "'n' has no value"),
        (3, 3, "'x': NaN is no JSON value"),
        (4, 1, "the id 'a' is there twice"),
    ]
    assert (typed[0].message, typed[0].snippet) == ("'n' must be a whole number, as 3, not '1'", 'n = "1"')


def test_every_row_group_is_read_in_order() -> None:
    """
    Given a file of many row groups,
    when it is scanned and then read to run,
    then its rows come in order, each once.
    """
    data = dataset(parquet({"n": list(range(5_000))}, row_group_size=700))

    scan, _, found = read(data)
    again = list(data.rows(scan))

    assert [row.columns["n"] for row in found] == list(range(5_000))
    assert [(row.id, row.line, row.file) for row in again] == [(row.id, row.line, row.file) for row in found]


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_is_told_and_never_read_in_part(seed: int) -> None:
    """
    Given a Parquet file that was cut or whose bytes were changed,
    when it is scanned,
    then there is a problem at the file, or all of its rows are there.
    """
    chance, content = (
        random.Random(seed),
        bytearray(parquet({"t": [f"row {n}" for n in range(500)]}, row_group_size=100)),
    )
    for _ in range(1 + seed):
        content[chance.randrange(4, len(content) - 8)] = chance.randrange(256)
    damaged = bytes(content[: chance.randrange(len(content))] if seed % 3 == 0 else content)

    scan, problems, found = read(dataset(damaged))

    assert (len(found) == 500) if scan is not None else bool(problems)


@pytest.mark.parametrize("content", [b"", b"PAR1", b'{"id": 1}\n', b"PAR1" * 100])
def test_what_is_no_parquet_is_said_to_be_none(content: bytes) -> None:
    """
    Given bytes that are no Parquet file,
    when they are scanned,
    then that is the one problem.
    """
    _, problems, _ = read(dataset(content))

    assert [(problem.file, problem.code) for problem in problems] == [("a.parquet", "parquet")]


def test_without_polars_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given an installation without the extra,
    when a Parquet dataset is scanned,
    then the message says what to install.
    """
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(FileError) as refused:
        dataset(parquet({"a": [1]})).scan(Problems())

    assert refused.value.hint == "pip install 'promptlab-pipelines[parquet]'"
