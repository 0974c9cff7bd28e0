"""The metrics of a pipeline over its runs as the API tells them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.queries import Limit, Query, Word
from promptlab.schemas.log import LoggedStatus
from promptlab.schemas.pages import MetricPage, MetricPoint

POINT: dict[str, Any] = {
    "run": "01kb3s9y7m8f4v2q6x0c5d1e3g",
    "status": "failed",
    "started_at": "2026-11-23T18:20:00Z",
    "git_commit": "4176111d2f0a",
    "git_dirty": False,
    "note": "fewer shots",
    "planned": 80,
    "done": 80,
    "is_whole": True,
    "values": {"pass_rate": 0.8875},
    "intervals": {"pass_rate": {"low": 0.8, "high": 0.94}},
    "cells": {"base": {"pass_rate": 0.85}, "few-shot": {"pass_rate": 0.925}},
    "cell_intervals": {"base": {"pass_rate": {"low": 0.71, "high": 0.93}}},
}
HISTORY: dict[str, Any] = {
    "pipeline": "support-triage",
    "metrics": ["pass_rate"],
    "cells": ["base", "few-shot"],
    "points": [POINT],
    "next": None,
}

type Numbers = Mapping[str, float | None]
type Intervals = Mapping[str, Mapping[str, float]]


class MetricQuery(Query):
    """Which metrics of which cells, a page of runs at a time."""

    metric: Annotated[tuple[Word, ...], Field(description="Only these, as `pass_rate`.", max_length=40)] = ()
    variant: Annotated[
        tuple[Word, ...], Field(description="Only these variants, or cells by whole names.", max_length=40)
    ] = ()
    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[Limit, Field(description="How many runs on a page.")] = 50


class MetricPointAnswer(Answer):
    """What a run measured. Costs in USD, times in ms; null: there was nothing to measure.

    `values` over all trials, `cells` by cell; `intervals` hold 95 % of it. `is_whole`: the run came to its
    end; else `values` are counted as far as it came.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [POINT]})

    run: str
    status: LoggedStatus
    started_at: datetime
    git_commit: str | None
    git_dirty: bool | None
    note: str | None
    planned: int
    done: int
    is_whole: bool
    values: Numbers
    intervals: Intervals
    cells: Mapping[str, Numbers]
    cell_intervals: Mapping[str, Intervals]

    @classmethod
    def of(cls, point: MetricPoint) -> "MetricPointAnswer":
        run = point.run
        return cls.model_construct(
            run=run.id,
            status=run.status,
            started_at=run.started_at,
            git_commit=run.git_commit,
            git_dirty=run.git_dirty,
            note=run.note,
            planned=run.planned,
            done=run.done,
            is_whole=point.is_whole,
            values=point.values,
            intervals=point.intervals,
            cells=point.cells,
            cell_intervals=point.cell_intervals,
        )


class MetricHistoryAnswer(Answer):
    """The runs of a pipeline, the newest first; `metrics`, `cells`: the names that there are in these."""

    model_config = ConfigDict(json_schema_extra={"examples": [HISTORY]})

    pipeline: str
    metrics: list[str]
    cells: list[str]
    points: list[MetricPointAnswer]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]

    @classmethod
    def of(cls, pipeline: str, page: MetricPage) -> "MetricHistoryAnswer":
        points = [MetricPointAnswer.of(point) for point in page.points]
        return cls(
            pipeline=pipeline, metrics=[*page.metrics], cells=[*page.cells], points=points, next=page.next
        )
