"""Runs to be compared: an earlier one of twelve trials, and one in which some of each kind changed."""

from collections.abc import Iterator
from pathlib import Path

from promptlab.schemas.run import TrialResult
from tests.look_kit import BIDI, CELLS, MEGABYTE, SCRIPT, record_one, trial
from tests.run_log_kit import log_in

LATER = {  # by row and cell: status, output
    (0, "base"): ("failed", "shipping"),
    (1, "base"): ("failed", SCRIPT),
    (2, "base"): ("errored", ""),
    (3, "base"): ("passed", "billing, of course"),
    (4, "base"): ("passed", MEGABYTE),
    (1, "few-shot"): ("passed", "billing"),
    (2, "few-shot"): ("passed", BIDI),
}
SHOWN = ["worse", "worse", "worse", "better", "changed", "changed", "changed"]


def _earlier() -> Iterator[TrialResult]:
    for row in range(6):
        for cell in CELLS:
            status = "failed" if (row, cell) == (1, "few-shot") else "passed"
            tags = ("hard",) if row == 0 else ()
            yield trial(row, cell, status=status, tags=tags)  # type: ignore[arg-type]


def _later() -> Iterator[TrialResult]:
    for one in _earlier():
        key = one.key
        status, output = LATER.get((key.row, key.cell), (one.status, "billing"))
        yield trial(key.row, key.cell, status=status, output=output, tags=one.tags)  # type: ignore[arg-type]


def folder_to_compare(folder: Path) -> tuple[str, str]:
    """Record both runs into the log of the project at a folder, and give their ids."""
    with log_in(folder) as log:
        return record_one(log, _earlier()), record_one(log, _later())


def folder_of_many(folder: Path, rows: int) -> tuple[str, str]:
    """Record two runs of so many rows in one cell, of which each third failed at the later."""
    with log_in(folder) as log:
        before = record_one(log, [trial(row) for row in range(rows)])
        after = [trial(row, status="passed" if row % 3 else "failed") for row in range(rows)]
        return before, record_one(log, after)
