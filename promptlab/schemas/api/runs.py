"""Runs as the API tells them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.log import LoggedStatus, RunRecord
from promptlab.schemas.pages import RunLine

COUNTED = ("passed", "failed", "errored", "skipped", "left")
EXAMPLE: dict[str, Any] = {
    "id": "01kb3s9y7m8f4v2q6x0c5d1e3g",
    "pipeline": "support-triage",
    "path": "pipelines/support-triage.yaml",
    "status": "failed",
    "started_at": "2026-11-23T18:20:00Z",
    "ended_at": "2026-11-23T18:20:12Z",
    "seconds": 11.8,
    "reason": None,
    "git_commit": "4176111d2f0a",
    "git_dirty": False,
    "user": "ada",
    "note": "fewer shots",
    "planned": 80,
    "trials": {"passed": 71, "failed": 8, "errored": 1, "skipped": 0, "left": 0},
    "calls": {"sent": 20, "attempts": 21, "recalled": 60},
    "pass_rate": 0.8875,
    "cost_usd": 0.0123,
    "spent_usd": 0.0031,
    "cells": ["base", "few-shot"],
}


class Run(Answer):
    """A run. Costs in USD, null: unknown; `spent_usd` is what it paid, `cost_usd` what its answers cost."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    pipeline: str
    path: str | None
    status: LoggedStatus
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    reason: Annotated[str | None, Field(description="Why it stopped early.")]
    git_commit: str | None
    git_dirty: bool | None
    user: str
    note: str | None
    planned: int
    trials: Mapping[str, int]
    calls: Mapping[str, int]
    pass_rate: float | None
    cost_usd: float | None
    spent_usd: float | None
    cells: list[str]

    @classmethod
    def of(cls, run: RunRecord) -> "Run":
        return cls(**_values(run))


class ListedRun(Run):
    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "history": [0.81, 0.86, 0.8875]}]})

    history: Annotated[list[float], Field(description="Pass rates of the pipeline's runs up to this one.")]

    @classmethod
    def in_list(cls, line: RunLine) -> "ListedRun":
        return cls(**_values(line.run), history=[*line.history])


class WholeRun(Run):
    """A run with what its end said."""

    version: str
    options: Mapping[str, Any]
    metrics: Mapping[str, Any]
    gates: list[Mapping[str, Any]]

    @classmethod
    def whole(cls, run: RunRecord) -> "WholeRun":
        more = {"version": run.version, "options": run.options, "metrics": run.metrics, "gates": [*run.gates]}
        return cls(**_values(run), **more)


class RunList(Answer):
    runs: list[ListedRun]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]


def _values(run: RunRecord) -> dict[str, object]:
    derived = ("trials", "calls", "cells")
    names = [name for name in Run.model_fields if name not in derived]
    return {
        **{name: getattr(run, name) for name in names},
        "trials": {name: getattr(run, name) for name in COUNTED},
        "calls": {"sent": run.sent, "attempts": run.attempts, "recalled": run.recalled},
        "cells": [*run.cells],
    }
