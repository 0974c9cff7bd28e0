"""Comparisons as the API tells them: what is asked, what each side is, what moved, and a page of pairs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.core.word_diff import Kind
from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.queries import Query, Word
from promptlab.schemas.api.trials import CHECK, Check
from promptlab.schemas.paired import CHANGES, FLIPS, Change, PairFilter
from promptlab.schemas.run import TrialStatus

type Shown = Literal["flips", "worse", "better", "otherwise", "changed", "same"]
type Moved = Literal["better", "worse", "undecided", "same"]

SIDE: dict[str, Any] = {
    "place": "3-1-0",
    "status": "failed",
    "output": "shipping",
    "is_cut": False,
    "score": 0.0,
    "cost_usd": 0.0001,
    "latency_ms": 412.0,
    "reason": "equals: is not 'billing'",
    "checks": [CHECK],
}
PAIR: dict[str, Any] = {
    "change": "worse",
    "row": 3,
    "row_id": "t3",
    "cell": "few-shot",
    "repeat": 0,
    "tags": ["hard"],
    "inputs": {"ticket": "Where is my parcel?"},
    "a": {**SIDE, "status": "passed", "output": "billing", "score": 1.0, "reason": "", "checks": []},
    "b": SIDE,
    "diff": [{"kind": "old", "text": "billing"}, {"kind": "new", "text": "shipping"}],
}
METRIC: dict[str, Any] = {
    "metric": "pass_rate",
    "a": 0.525,
    "b": 0.661,
    "difference": 0.136,
    "interval": {"low": 0.04, "high": 0.239},
    "p": 0.0215,
    "p_adjusted": 0.043,
    "rows": 59,
    "moved": 10,
    "verdict": "better",
}
EXAMPLE: dict[str, Any] = {
    "schema_version": 1,
    "a": {"run_id": "01kb3s9y7m8f4v2q6x0c5d1e3g", "pipeline": "support-triage", "notes": []},
    "b": {"run_id": "01kb3sb0aq1t5c7v2x9n4m6k8j", "pipeline": "support-triage", "notes": []},
    "cells": [
        {
            "a": "few-shot",
            "b": "few-shot",
            "metrics": [METRIC],
            "rows": {"paired": 59, "only_a": [], "only_b": ["t60"]},
        }
    ],
    "only_a": [],
    "only_b": [],
    "trials": 59,
    "flipped": [{"before": "passed", "after": "failed", "trials": 1}],
    "outputs_changed": 14,
    "checks": [],
    "gates": [],
    "missing": [],
    "changes": {"worse": 1, "better": 0, "otherwise": 0, "changed": 13, "same": 45},
    "pairs": [PAIR],
    "next": "WzQ3MTFd",
    "searched": None,
}


class PairQuery(Query):
    """Which cells, and which of their pairs."""

    b: Annotated[
        Word | None, Field(description="The run that is held against it; none where `a` is a commit.")
    ] = None
    pipeline: Annotated[
        Word | None, Field(description="With a commit: the pipeline; not needed where there is but one.")
    ] = None
    variant: Annotated[
        Word | None, Field(description="Only this variant of B, or the cell of this name.")
    ] = None
    against: Annotated[
        Word | None,
        Field(description="Hold it against this variant or cell of A; without `b`, of the same run."),
    ] = None
    show: Annotated[
        tuple[Shown, ...],
        Field(
            description="Pairs that passed and do not any more (`worse`), pass now (`better`), ended "
            "otherwise (`otherwise`; `flips`: all three), gave another output (`changed`), did neither "
            "(`same`). Default: all, in this order.",
            max_length=6,
        ),
    ] = ()
    check: Annotated[Word | None, Field(description="Pairs in which a check of this name failed.")] = None
    tag: Annotated[Word | None, Field(description="Pairs whose row has this tag.")] = None
    text: Annotated[
        Word | None, Field(description="In inputs, outputs, reasons or the row's id; case does not matter.")
    ] = None
    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=50, description="How many pairs on a page.")] = 20

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes that are wanted, in their order; none where nothing is said of them."""
        flips = FLIPS if "flips" in self.show else frozenset()
        return tuple(change for change in CHANGES if change in self.show or change in flips)

    @property
    def filter(self) -> PairFilter:
        return PairFilter(changes=self.changes or CHANGES, check=self.check, tag=self.tag, text=self.text)


class CompareQuery(PairQuery):
    """What is compared."""

    a: Annotated[
        Word,
        Field(
            description="A run: an id, a unique start of one, or `last`; else a commit.", examples=["last"]
        ),
    ]


class MetricAnswer(Answer):
    """A metric over the rows of both sides. `verdict`: better or worse where that is no chance."""

    metric: str
    a: float
    b: float
    difference: float
    interval: Annotated[Mapping[str, float] | None, Field(description="95 %, by a bootstrap over rows.")]
    p: float
    p_adjusted: Annotated[float, Field(description="By Holm's rule over all metrics and cells.")]
    rows: int
    moved: int
    verdict: Moved


class CellAnswer(Answer):
    a: str
    b: str
    metrics: list[MetricAnswer]
    rows: Mapping[str, Any]


class DiffPiece(Answer):
    kind: Kind
    text: str


class PairSide(Answer):
    """A trial at one side; the output is cut. `place` is its address in its run, null where it is of none."""

    place: str | None
    status: TrialStatus
    output: str | None
    is_cut: bool
    score: float | None
    cost_usd: float | None
    latency_ms: float | None
    reason: str
    checks: list[Check]


class PairAnswer(Answer):
    """A trial at both sides; row, cell and repeat as at B. `diff` is of the outputs, word by word."""

    change: Change
    row: int
    row_id: str
    cell: str
    repeat: int
    tags: list[str]
    inputs: Mapping[str, str]
    a: PairSide
    b: PairSide
    diff: list[DiffPiece]


class Missing(Answer):
    """Rows without all their answers at a side, and what gets them."""

    side: Literal["a", "b"]
    rows: int
    command: str


class PairPageAnswer(Answer):
    changes: Annotated[Mapping[Change, int], Field(description="How many pairs changed how.")]
    pairs: list[PairAnswer]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]
    searched: Annotated[int | None, Field(description="How many pairs were looked through.")]


class FactsAnswer(Answer):
    """What `promptlab compare --json` says, but for the flips, which come by pages."""

    schema_version: int
    a: Mapping[str, Any]
    b: Mapping[str, Any]
    cells: list[CellAnswer]
    only_a: list[str]
    only_b: list[str]
    trials: int
    flipped: list[Mapping[str, Any]]
    outputs_changed: int
    checks: list[Mapping[str, Any]]
    gates: Annotated[list[Mapping[str, Any]], Field(description="Of run B.")]
    missing: Annotated[list[Missing], Field(description="Answers that are not there yet.")]


class ComparisonAnswer(PairPageAnswer, FactsAnswer):
    """Two sides held against each other, and a page of their pairs, flips first."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
