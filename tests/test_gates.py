"""Gates over metrics, and the exit code they decide."""

import pytest

from promptlab.analysis.gates import exit_status, judge_gates
from promptlab.analysis.metrics import CellMetrics
from promptlab.analysis.units import Counts
from promptlab.loader.gate_checks import gate_problems
from promptlab.schemas.gate import Gate
from promptlab.schemas.report import GateResult


def cell(name: str, **values: float | None) -> CellMetrics:
    return CellMetrics(name, name.partition(" ")[0], Counts(failed=1), values, {})


def gate(**options: object) -> Gate:
    return Gate.model_validate({"metric": "pass_rate", "min": 0.9, **options})


def only(wanted: Gate, *cells: CellMetrics) -> GateResult:
    (result,) = judge_gates([wanted], cells)
    return result


@pytest.mark.parametrize(
    ("value", "bounds", "status"),
    [
        (0.9, {}, "passed"),
        (27 / 30, {}, "passed"),
        (0.1 + 0.2, {"min": None, "max": 0.3}, "passed"),
        (0.89, {}, "failed"),
        (0.95, {"max": 0.94}, "failed"),
        (None, {}, "failed"),
    ],
)
def test_a_gate_holds_a_metric_against_a_number(
    value: float | None, bounds: dict[str, float | None], status: str
) -> None:
    """
    Given a gate and a value,
    when it is judged,
    then the bounds themselves pass, and no data fails.
    """
    result = only(gate(**bounds), cell("base", pass_rate=value))

    assert result.status == status
    assert result.cell == "base"
    assert result.reason


def test_each_cell_that_the_variant_leaves_is_judged() -> None:
    """
    Given cells of two variants and an axis,
    when gates name none, a variant, or a whole cell,
    then all, those of the variant, or the one are judged.
    """
    cells = [cell(name, pass_rate=1.0) for name in ("base llm=a", "base llm=b", "few llm=a")]

    judged = [
        [result.cell for result in judge_gates([gate(variant=variant)], cells)]
        for variant in (None, "base", "few llm=a")
    ]

    assert judged == [["base llm=a", "base llm=b", "few llm=a"], ["base llm=a", "base llm=b"], ["few llm=a"]]


def test_a_gate_for_a_variant_that_was_not_run_is_open() -> None:
    """
    Given a gate for a variant that this run left out,
    when it is judged,
    then it is inconclusive and says so.
    """
    result = only(gate(variant="few"), cell("base", pass_rate=0.0))

    assert (result.status, result.cell, result.reason) == ("inconclusive", "few", "'few' was not run")


def test_a_gate_for_a_cell_without_trials_is_open() -> None:
    """
    Given a cell none of whose trials was wanted, as `--since` has where nothing of it is touched,
    when a gate is judged in it,
    then it is inconclusive, so that it fails no change of another cell.
    """
    untouched = CellMetrics("few", "few", Counts(), {"pass_rate": None}, {})

    [judged, open_] = judge_gates([gate()], [cell("base", pass_rate=1.0), untouched])

    assert (judged.status, open_.status) == ("passed", "inconclusive")
    assert open_.reason == "no trial of this cell was to be run"


def test_an_unknown_cost_fails_its_gate_and_says_what_to_do() -> None:
    """
    Given a gate on a cost that nobody knows,
    when it is judged,
    then it fails.
    """
    result = only(gate(metric="cost_usd", min=None, max=1), cell("base", cost_usd=None))

    assert result.status == "failed"
    assert "`prices`" in result.reason


@pytest.mark.parametrize(
    ("gates", "counts", "status"),
    [
        ([], Counts(passed=1), 0),
        ([], Counts(failed=1), 1),
        ([], Counts(errored=1), 1),
        ([], Counts(left=1), 1),
        ([gate()], Counts(failed=9), 0),
        ([gate(min=0.99)], Counts(passed=9), 1),
        ([gate(min=0.99, severity="warn")], Counts(failed=9), 0),
        ([gate(variant="few")], Counts(failed=9), 0),
    ],
)
def test_gates_where_there_are_any_decide_alone(gates: list[Gate], counts: Counts, status: int) -> None:
    """
    Given a run with a pass rate of 0.95,
    when its gates and counts are weighed,
    then a failed gate of severity error makes a 1, and without gates what failed, errored or is left.
    """
    results = judge_gates(gates, [cell("base", pass_rate=0.95)])

    assert exit_status(results, counts) == status


def test_a_gate_that_asks_for_what_is_not_there_is_found_before_the_run() -> None:
    """
    Given a gate with a misspelt metric and variant,
    when it is held against what the pipeline has,
    then both are told with what was meant.
    """
    problems = gate_problems(
        [gate(), gate(metric="acuracy", variant="bse")],
        metrics=["accuracy", "pass_rate"],
        cells={"base": "base"},
    )

    assert [(place, message, hint()) for place, message, hint in problems] == [
        ((1, "metric"), "unknown metric 'acuracy'", "did you mean 'accuracy'?"),
        ((1, "variant"), "unknown variant 'bse'", "did you mean 'base'?"),
    ]
