"""The rows of a run of which some repeats passed and some did not."""

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.models import Trial

_TRIALS: Any = Trial.__table__
_JUDGED = ("passed", "failed", "errored")


@frozen
class FlakyRow:
    row: int
    row_id: str
    cell: str
    passed: int
    judged: int

    def as_json(self) -> dict[str, JSON]:
        return {
            "row": self.row,
            "row_id": self.row_id,
            "cell": self.cell,
            "passed": self.passed,
            "judged": self.judged,
        }


def flaky_rows(session: Session, run_id: str) -> list[FlakyRow]:
    """Give them in order of row and cell."""
    columns = _TRIALS.c
    passed = func.sum(case((columns.status == "passed", 1), else_=0))
    query = (
        select(columns.row, func.min(columns.row_id), func.min(columns.cell), passed, func.count())
        .where(columns.run_id == run_id, columns.status.in_(_JUDGED))
        .group_by(columns.row, columns.cell_index)
        .having(passed > 0, passed < func.count())
        .order_by(columns.row, columns.cell_index)
    )
    return [FlakyRow(*found) for found in session.execute(query)]
