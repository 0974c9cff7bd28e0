"""Trials as the API tells them, in pages of rows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.ratings import CountingRating
from promptlab.schemas.pages import MatrixPage, MatrixRow, TrialCell
from promptlab.schemas.run import TrialStatus, VerdictStatus

CHECK: dict[str, Any] = {
    "step": "classify",
    "name": "equals",
    "type": "equals",
    "status": "failed",
    "score": 0.0,
    "severity": "error",
    "reason": "not equal",
}
TRIAL: dict[str, Any] = {
    "id": 4711,
    "place": "3-1-0",
    "cell": "few-shot",
    "repeat": 0,
    "status": "failed",
    "output": "shipping",
    "is_cut": False,
    "error": None,
    "score": 0.0,
    "cost_usd": 0.0001,
    "latency_ms": 412.0,
    "input_tokens": 58,
    "output_tokens": 2,
    "recalled": True,
    "checks": [CHECK],
    "before": "passed",
    "flipped": True,
    "ratings": [],
}
ROW: dict[str, Any] = {
    "row": 3,
    "row_id": "t3",
    "inputs": {"ticket": "Where is my parcel?"},
    "tags": ["hard"],
    "trials": [TRIAL],
}


class Check(Answer):
    step: str | None
    name: str
    type: str
    status: VerdictStatus
    score: float | None
    severity: str
    reason: str


class Trial(Answer):
    """A trial in a page; texts are cut. `before`: how it ended in the earlier run."""

    id: int
    place: Annotated[
        str, Field(description="Row, cell and repeat by their numbers: what names it in its run.")
    ]
    cell: str
    repeat: int
    status: TrialStatus
    output: str | None
    is_cut: bool
    error: str | None
    score: float | None
    cost_usd: float | None
    latency_ms: float
    input_tokens: int
    output_tokens: int
    recalled: bool
    checks: list[Check]
    before: TrialStatus | None
    flipped: bool
    ratings: list[CountingRating]

    @classmethod
    def of(cls, cell: TrialCell) -> "Trial":
        names = [name for name in cls.model_fields if name not in ("checks", "ratings")]
        return cls(
            **{name: getattr(cell, name) for name in names},
            checks=[Check(**asdict(one)) for one in cell.checks],
            ratings=[CountingRating.of(one) for one in cell.ratings],
        )


class Row(Answer):
    row: int
    row_id: str
    inputs: Mapping[str, str]
    tags: list[str]
    trials: list[Trial]

    @classmethod
    def of(cls, row: MatrixRow) -> "Row":
        trials = [Trial.of(cell) for cell in row.trials]
        return cls(row=row.row, row_id=row.row_id, inputs=row.inputs, tags=[*row.tags], trials=trials)


class TrialPage(Answer):
    """Rows of a run. A page of a search, which takes a second, may be empty and still have a `next`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "01kb3s9y7m8f4v2q6x0c5d1e3g",
                    "against": None,
                    "rows": [ROW],
                    "next": "WzNd",
                    "searched": None,
                    "slow": 0,
                }
            ]
        }
    )

    run_id: str
    against: Annotated[str | None, Field(description="The earlier run that `before` and `flipped` mean.")]
    rows: list[Row]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]
    searched: Annotated[int | None, Field(description="How many rows were looked through for a text.")]
    slow: Annotated[int, Field(description="On how many texts the regex took too long; they do not match.")]

    @classmethod
    def of(cls, run_id: str, page: MatrixPage) -> "TrialPage":
        rows = [Row.of(row) for row in page.rows]
        return cls(
            run_id=run_id,
            against=page.against,
            rows=rows,
            next=page.next,
            searched=page.searched,
            slow=page.slow,
        )
