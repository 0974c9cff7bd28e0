"""Metrics over time as programs read them over HTTP."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from promptlab.main import create_app
from promptlab.schemas.api.metrics import HISTORY, MetricHistoryAnswer
from promptlab.schemas.events import RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd
from promptlab.schemas.report import MEASURED
from tests.cli_kit import ECHO, write_project
from tests.look_kit import recorded, trial
from tests.run_log_kit import START, log_in, recording
from tests.serving_kit import server_settings, signed_in

CELLS = ("base", "few-shot llm=mini")


def said(rate: float) -> dict[str, Any]:
    values = {"pass_rate": rate, "brevity": rate / 2, "cost_usd": 0.5}
    interval = {"pass_rate": {"low": rate - 0.1, "high": rate + 0.1}}
    measured = {"intervals": interval, "cell_intervals": {"base": interval}}
    return {**values, "cells": dict.fromkeys(CELLS, values), MEASURED: measured}


@dataclass(frozen=True, slots=True)
class Metrics:
    """A client, and the runs of a pipeline, the oldest first; the last was cut off."""

    client: TestClient
    runs: list[str]

    def get(self, name: str = "triage", expected: int = 200, **params: Any) -> Any:
        answer = self.client.get(f"/api/pipelines/{name}/metrics", params=params)
        assert (answer.status_code, answer.text[:500]) == (expected, answer.text[:500])
        return answer.json()


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    root = tmp_path_factory.mktemp("metrics")
    write_project(root, new=f"name: brand-new\n{ECHO}")
    runs = asyncio.run(_runs(root))
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Metrics(client, runs)


async def _runs(root: Path) -> list[str]:
    with log_in(root) as log:
        ids = []
        for commit, dirty, rate in (("aaa", False, 0.5), ("bbb", True, 0.75)):
            start = replace(START, git_commit=commit, git_dirty=dirty)
            end = RunEnd(status="failed", metrics=said(rate))
            ids.append(await recorded(log, start, [trial(0)], end))
        async with recording(log) as recorder:
            recorder.emit(RunStarted("triage", 4, CELLS))
            recorder.emit(TrialFinished(trial(0)))
            recorder.emit(TrialFinished(trial(1, status="failed")))
            await recorder.end_run(RunEnd(status="interrupted"))
            ids.append(recorder.run_id)
    return ids


def test_metrics_are_told_run_by_run(metrics: Metrics) -> None:
    """
    Given runs at two commits, and one that was cut off,
    when the metrics of their pipeline are asked for,
    then each run has its values, by cell too, and its commit; the last is counted as far as it came.
    """
    told = metrics.get()

    cut, second, first = told["points"]
    assert [point["run"] for point in told["points"]] == metrics.runs[::-1]
    assert (first["git_commit"], first["git_dirty"], first["values"]["brevity"]) == ("aaa", False, 0.25)
    assert second["cells"]["few-shot llm=mini"]["pass_rate"] == 0.75
    assert second["intervals"]["pass_rate"] == {"low": 0.65, "high": 0.85}
    assert second["cell_intervals"]["base"] == second["intervals"]
    assert (second["is_whole"], cut["is_whole"]) == (True, False)
    assert (cut["values"], cut["done"], cut["planned"]) == (
        {"pass_rate": 0.5, "error_rate": 0.0, "cost_usd": 0.5},
        2,
        4,
    )
    assert told["metrics"] == ["pass_rate", "error_rate", "cost_usd", "brevity"]
    assert told["cells"] == [*CELLS]


def test_only_what_is_asked_for_is_told(metrics: Metrics) -> None:
    """
    Given runs with several metrics in two cells,
    when one metric of one variant is asked for,
    then no other is told.
    """
    told = metrics.get(metric="pass_rate", variant="few-shot")

    _, second, _ = told["points"]
    assert (told["metrics"], told["cells"]) == (["pass_rate"], ["few-shot llm=mini"])
    assert second["cells"] == {"few-shot llm=mini": {"pass_rate": 0.75}}
    assert second["values"] == {"pass_rate": 0.75}


def test_the_history_comes_in_pages(metrics: Metrics) -> None:
    """
    Given three runs,
    when pages of two are asked for,
    then two hold them all, and who has a page is not sent it again.
    """
    first = metrics.get(limit=2)
    second = metrics.get(limit=2, cursor=first["next"])
    address = "/api/pipelines/triage/metrics"
    known = {"If-None-Match": metrics.client.get(address).headers["etag"]}

    assert [point["run"] for page in (first, second) for point in page["points"]] == metrics.runs[::-1]
    assert second["next"] is None
    assert metrics.client.get(address, headers=known).status_code == 304


@pytest.mark.parametrize("name", ["new", "brand-new"])
def test_a_pipeline_that_never_ran_has_an_empty_history(metrics: Metrics, name: str) -> None:
    """
    Given a pipeline on disk that never ran,
    when its metrics are asked for by its name or its file's,
    then there are none.
    """
    told = metrics.get(name)

    assert (told["pipeline"], told["points"], told["next"]) == ("brand-new", [], None)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("nope", {}, 404),
        ("%2e%2e%2fnew.yaml", {}, 404),
        ("triage", {"cursor": "x"}, 422),
        ("triage", {"limit": "201"}, 422),
        ("triage", {"sort": "id"}, 422),
        ("triage", {"metric": "\0"}, 422),
    ],
)
def test_what_cannot_be_meant_is_a_problem(
    metrics: Metrics, name: str, params: dict[str, str], expected: int
) -> None:
    """
    Given a pipeline with runs,
    when what is not there, or cannot be meant, is asked for,
    then the answer is a problem that says so.
    """
    problem = metrics.get(name, expected=expected, **params)

    assert problem["detail"]


def test_answers_are_as_described(metrics: Metrics) -> None:
    """
    Given the body that the API describes,
    when metrics are asked for,
    then the answer is one, and so is the example.
    """
    answer = metrics.client.get("/api/pipelines/triage/metrics").text

    assert MetricHistoryAnswer.model_validate_json(answer).points
    assert MetricHistoryAnswer.model_validate(HISTORY).points
