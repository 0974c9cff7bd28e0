"""Metrics of a stream of trials."""

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.analysis.intervals import quantile
from promptlab.analysis.metrics import CellMetrics, Metrics, PlannedCell
from promptlab.analysis.units import Counts, row_status
from promptlab.live.counts import RunCounts
from promptlab.schemas.events import AttemptEnded, AttemptSent
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.report import paid
from promptlab.schemas.run import (
    StepResult,
    TrialKey,
    TrialResult,
    TrialStatus,
    Verdict,
    VerdictStatus,
    total,
)


def said(status: VerdictStatus, score: float, name: str = "equals", metric: str | None = None) -> Verdict:
    return Verdict(
        step="classify", name=name, type="equals", status=status, score=score, reason="", metric=metric
    )


def trial(
    status: TrialStatus = "passed",
    *verdicts: Verdict,
    row: int = 0,
    cell: str = "base",
    cost: float | None = 0.0,
    latency: float = 0.0,
) -> TrialResult:
    step = StepResult(
        id="classify", status="passed", cost_usd=cost, spent_usd=cost, latency_ms=latency, verdicts=verdicts
    )
    key = TrialKey(row=row, row_id=str(row), cell=cell, variant=cell.partition(" ")[0])
    return TrialResult(key=key, status=status, inputs={}, outputs=None, steps=(step,))


def measured(trials: Sequence[TrialResult], *, planned: int = 0, repeat: Repeat | None = None) -> CellMetrics:
    metrics = Metrics([PlannedCell("base", "base", planned)], repeat=repeat)
    for one in trials:
        metrics.add(one)
    return metrics.total()


def test_errored_and_missing_trials_are_failures_and_skipped_ones_are_none() -> None:
    """
    Given six planned trials of which one was skipped, one errored and two never came,
    when the rates are asked for,
    then they are shares of the five that were not skipped.
    """
    total = measured([trial(), trial("skipped"), trial("errored"), trial("left")], planned=6)

    assert total.counts == Counts(passed=1, errored=1, skipped=1, left=3)
    assert total.values["pass_rate"] == 1 / 5
    assert total.values["error_rate"] == 4 / 5


def test_costs_add_up_without_the_dust_of_binary_fractions() -> None:
    """
    Given three trials, and three attempts, of 0.1 USD each,
    when they are added up,
    then that is 0.3 USD, not 0.30000000000000004.
    """
    counts = RunCounts()
    for _ in range(3):
        counts(AttemptSent("m", 1))
        counts(AttemptEnded("m", 1, failure=None, spent_usd=0.1))

    metrics = measured([trial(row=row, cost=0.1) for row in range(3)])

    assert (counts.spent_usd, metrics.values["cost_usd"], metrics.values["spent_usd"]) == (0.3, 0.3, 0.3)
    assert (total((0.1, 0.2)), paid(0.4, 0.1)) == (0.3, 0.3)


def test_a_trial_leaves_a_few_numbers() -> None:
    """
    Given some thousand trials, each with a verdict,
    when they are added up,
    then of each some thirty bytes stay, which is all that a run keeps of what has ended.
    """
    count, metrics = 4096, Metrics([PlannedCell("base", "base", 4096)])
    metrics.add(trial("passed", said("passed", 1.0)))
    tracemalloc.start()

    for row in range(1, count):
        metrics.add(trial("passed", said("passed", 1.0), row=row))

    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept / count < 36
    assert metrics.total().values["score"] == 1.0


def test_costs_add_up_and_times_have_quantiles() -> None:
    """
    Given trials with costs and times, one of them errored,
    when the metrics are asked for,
    then costs are sums, and times are of the trials that passed or failed.
    """
    trials = [trial(cost=0.5, latency=time) for time in (10.0, 20.0, 30.0, 40.0)]

    values = measured([*trials, trial("errored", latency=1.0)]).values

    assert (values["cost_usd"], values["spent_usd"]) == (2.0, 2.0)
    assert (values["latency_ms"], values["latency_ms.p50"]) == (25.0, 25.0)
    assert values["latency_ms.p95"] == pytest.approx(38.5)


def test_an_unknown_cost_makes_the_sum_unknown() -> None:
    """
    Given one trial of unknown cost,
    when the costs are added,
    then the sum is unknown and never too small.
    """
    values = measured([trial(cost=1.0), trial(cost=None), trial(cost=1.0)]).values

    assert values["cost_usd"] is None


def test_named_metrics_are_means_and_checks_have_rates() -> None:
    """
    Given verdicts with a metric, one errored and one skipped,
    when the metrics are asked for,
    then the errored one counts as zero and the skipped one not at all.
    """
    trials = [
        trial("passed", said("passed", 1.0, metric="accuracy")),
        trial("failed", said("failed", 0.5, metric="accuracy")),
        trial("errored", said("errored", 0.0, metric="accuracy")),
        trial("passed", said("skipped", 0.0, metric="accuracy")),
    ]

    total = measured(trials)

    assert total.values["accuracy"] == total.values["score"] == 0.5
    rate = total.checks["classify", "equals"]
    assert (rate.passed, rate.total, rate.rate) == (1, 3, 1 / 3)


def test_nothing_is_said_of_nothing() -> None:
    """
    Given no trial,
    when the metrics are asked for,
    then those without a base are unknown.
    """
    values = measured([]).values

    assert {name for name, value in values.items() if value is None} == {
        "pass_rate",
        "error_rate",
        "score",
        "latency_ms",
        "latency_ms.p50",
        "latency_ms.p95",
    }


def test_cells_are_measured_apart_and_together() -> None:
    """
    Given two cells, one planned first and never run,
    when the metrics are asked for,
    then each has its own, in the order of the plan, and the total has both.
    """
    metrics = Metrics([PlannedCell("few llm=a", "few", 2), PlannedCell("base", "base", 1)])
    metrics.add(trial(cell="base"))

    few, base = metrics.cells()

    assert (few.cell, few.variant, few.values["pass_rate"]) == ("few llm=a", "few", 0.0)
    assert base.values["pass_rate"] == 1.0
    assert metrics.total().counts == Counts(passed=1, left=2)


def test_a_cell_that_comes_late_is_added_to_what_the_first_has() -> None:
    """
    Given trials of a cell that nobody planned, and then of another,
    when the metrics are asked for,
    then the total has the trials of both, and each cell its own.
    """
    metrics = Metrics()
    metrics.add(trial(cell="base"))
    metrics.add(trial("failed", cell="few"))
    metrics.add(trial(cell="few"))

    counts = [cell.counts for cell in (*metrics.cells(), metrics.total())]

    assert counts == [Counts(passed=1), Counts(passed=1, failed=1), Counts(passed=2, failed=1)]


@pytest.mark.parametrize(
    ("statuses", "needed", "status"),
    [
        (["passed", "failed", "passed"], 2, "passed"),
        (["passed", "failed", "failed"], 2, "failed"),
        (["passed", "errored", "passed"], 2, "passed"),
        (["passed", "errored", "failed"], 2, "errored"),
        (["passed", "left", "failed"], 2, "left"),
        (["skipped", "skipped"], 1, "skipped"),
        (["passed", "skipped", "skipped"], 2, "passed"),
    ],
)
def test_a_row_ends_as_its_repeats_do(statuses: list[TrialStatus], needed: int, status: TrialStatus) -> None:
    """
    Given how the repeats of a row ended,
    when so many of them must pass,
    then the row passed, or what kept it from passing is told.
    """
    assert row_status(statuses, needed) == status


def test_with_repeats_that_must_pass_rows_are_counted() -> None:
    """
    Given `repeat: {count: 3, pass: 2}` over three rows, one of them half done and one not begun,
    when the rates are asked for,
    then they are of rows, in whatever order the trials ended.
    """
    repeat = Repeat.model_validate({"count": 3, "pass": 2})
    done = [trial("passed", row=0), trial("passed", row=1), trial("failed", row=0), trial("passed", row=0)]

    total = measured(done, planned=9, repeat=repeat)

    assert total.counts == Counts(passed=1, left=2)
    assert total.values["pass_rate"] == 1 / 3


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_among_its_values(values: list[float], share: float) -> None:
    """
    Given any values,
    when a quantile is asked for,
    then it is neither below the least nor above the greatest.
    """
    found = quantile(sorted(values), share)

    assert found is not None
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9


def test_trials_that_never_came_fail_every_check_and_count_for_nothing() -> None:
    """
    Given four planned trials of which two came, and one of them passed its check,
    when rates and means are asked for,
    then the two that never came are in each of them.
    """
    good, bad = said("passed", 1.0, metric="m"), said("failed", 0.0, metric="m")

    total = measured([trial("passed", good), trial("failed", bad, row=1)], planned=4)

    assert (total.values["m"], total.values["score"], total.values["pass_rate"]) == (0.25, 0.25, 0.25)
    assert total.checks["classify", "equals"].rate == 0.25
