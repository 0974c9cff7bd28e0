"""Gates against a base: rows are paired, repeats are averaged, chance is ruled out or said."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from promptlab.analysis.gates import judge_gates
from promptlab.analysis.metrics import CellMetrics
from promptlab.analysis.regression import Base, Sides
from promptlab.analysis.row_values import Side, by_row
from promptlab.analysis.units import Counts
from promptlab.loader.gate_checks import gate_problems
from promptlab.schemas.gate import Gate
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.report import GateResult
from promptlab.schemas.run import TrialKey, TrialResult, TrialStatus, Verdict
from tests.cli_kit import Cli

ROWS = 40


def gate(**options: object) -> Gate:
    return Gate.model_validate({"metric": "pass_rate", "against": "main", **options})


def side(values: Iterable[float], cell: str = "base", metric: str = "pass_rate") -> Side:
    return {cell: {f"r{number}": {metric: value} for number, value in enumerate(values)}}


def passes(count: int, of: int = ROWS) -> list[float]:
    return [1.0] * count + [0.0] * (of - count)


def judged(
    wanted: Sequence[Gate], head: Side, bases: Mapping[str, Base], cells: Sequence[str] = ("base",)
) -> list[GateResult]:
    measured = [CellMetrics(name, name.partition(" ")[0], Counts(), {}, {}) for name in cells]
    return judge_gates(wanted, measured, sides=Sides(head, bases))


def only(wanted: Gate, base: Side, head: Side) -> GateResult:
    (result,) = judged([wanted], head, {"main": Base(base)})
    return result


@pytest.mark.parametrize(
    ("base", "head", "options", "status"),
    [
        (30, 30, {}, "passed"),
        (30, 36, {}, "passed"),
        (30, 29, {"max_drop": 0.025}, "passed"),
        (30, 29, {"max_drop": 0.02}, "inconclusive"),
        (30, 26, {}, "inconclusive"),
        (30, 25, {}, "failed"),
        (30, 25, {"confidence": 0.99}, "inconclusive"),
        (30, 25, {"max_drop": 0.2}, "passed"),
        (30, 20, {"max_drop": 0.2}, "failed"),
    ],
)
def test_a_drop_fails_a_gate_once_chance_is_ruled_out(
    base: int, head: int, options: dict[str, Any], status: str
) -> None:
    """
    Given 40 rows of which so many passed at the base and here,
    when the gate is judged,
    then it passes within what it allows, fails where five rows fell and none rose, and else cannot say.
    """
    result = only(gate(**options), side(passes(base)), side(passes(head)))

    assert result.status == status
    assert result.against == "main"


@pytest.mark.parametrize(
    ("metric", "worse"), [("pass_rate", -1), ("error_rate", 1), ("cost_usd", 1), ("latency_ms", 1)]
)
def test_each_metric_gets_worse_its_own_way(metric: str, worse: int) -> None:
    """
    Given rows all of whose values moved by one,
    when a gate that says no direction is judged,
    then that fails it which is worse for this metric.
    """
    base, up, down = ([value] * 9 for value in (5.0, 6.0, 4.0))

    results = [
        only(gate(metric=metric), side(base, metric=metric), side(head, metric=metric)) for head in (up, down)
    ]

    assert [result.status for result in results] == (
        ["failed", "passed"] if worse > 0 else ["passed", "failed"]
    )


def test_what_a_gate_says_can_be_acted_on() -> None:
    """
    Given a drop that is certain, one that is not, and none,
    when gates are judged,
    then they say which rows fell, how many rows would decide, and what drop would have been noticed.
    """
    base = side(passes(30))

    failed, unsure, passed = (only(gate(), base, side(passes(head))) for head in (22, 28, 30))

    assert "pass_rate fell by 0.2 (0.75 → 0.55, 95 % " in failed.reason
    assert "worse: r22, r23, r24, r25, r26 and 3 more" in failed.reason
    assert failed.paired is not None
    assert failed.paired["paired"] == ROWS
    assert "as chance may do (p 0.25); some 118 rows would decide" in unsure.reason
    assert passed.reason == "pass_rate is 0.75 as before, on 40 rows; a drop of 0.12 would be noticed"


def test_rows_are_paired_by_their_ids() -> None:
    """
    Given a base, and the same rows with one more in their midst,
    when the gate is judged,
    then nothing moved.
    """
    base = side(passes(30))
    rows = list(base["base"].items())
    head = {"base": dict([*rows[:7], ("new", {"pass_rate": 0.0}), *reversed(rows[7:])])}

    result = only(gate(), base, head)

    assert result.status == "passed"
    assert result.paired is not None
    assert (result.paired["paired"], result.paired["rows"]) == (ROWS, ROWS + 1)


@pytest.mark.parametrize(("shared", "status"), [(19, "inconclusive"), (20, "passed")])
def test_fewer_than_half_of_the_rows_say_nothing(shared: int, status: str) -> None:
    """
    Given a base that has fewer than half of the rows, or half,
    when the gate is judged,
    then it cannot say, and says why.
    """
    result = only(gate(), side(passes(shared, of=shared)), side(passes(ROWS)))

    assert result.status == status
    assert ("only 19 of 40 rows are here and there" in result.reason) == (status == "inconclusive")


def test_a_base_that_is_not_there_says_why() -> None:
    """
    Given gates against a commit that nobody looked up, and one of which nothing is recorded,
    when they are judged,
    then they are inconclusive, with the reason.
    """
    head, bases = side(passes(9)), {"v1": Base(missing="nothing is recorded of v1")}

    unknown, empty = judged([gate(), gate(against="v1")], head, bases)

    assert (unknown.status, empty.status) == ("inconclusive", "inconclusive")
    assert "promptlab test" in unknown.reason
    assert empty.reason == "nothing is recorded of v1"


def test_cells_are_judged_each_by_itself_and_all_tests_share_one_level() -> None:
    """
    Given two cells in each of which five of 40 rows fell,
    when a gate is judged in one and in both,
    then in one it fails, and in both no more than either could by chance.
    """
    base = {**side(passes(30), "a"), **side(passes(30), "b")}
    head = {**side(passes(25), "a"), **side(passes(25), "b")}

    alone = judged([gate(variant="a")], head, {"main": Base(base)}, ["a", "b"])
    both = judged([gate()], head, {"main": Base(base)}, ["a", "b"])

    assert [(one.cell, one.status) for one in alone] == [("a", "failed")]
    assert [(one.cell, one.status) for one in both] == [("a", "inconclusive"), ("b", "inconclusive")]


def test_a_variant_is_held_against_another_with_the_same_axes() -> None:
    """
    Given two variants on two models,
    when one is held against the other,
    then each cell is compared with that of its own model, and the base with nothing.
    """
    head = {
        **side(passes(20), "base llm=a"),
        **side(passes(30), "base llm=b"),
        **side(passes(20), "few llm=a"),
        **side(passes(20), "few llm=b"),
    }

    found = judged([gate(against={"variant": "base"})], head, {}, list(head))

    assert [(one.cell, one.status) for one in found] == [("few llm=a", "passed"), ("few llm=b", "failed")]
    assert found[0].bounds == "no drop against base"


def trial(row: str, status: TrialStatus, repeat: int = 0, score: float | None = None) -> TrialResult:
    verdicts: tuple[Verdict, ...] = ()
    if score is not None:
        verdict = Verdict(
            step=None, name="c", type="c", status="passed", score=score, reason="", metric="accuracy"
        )
        verdicts = (verdict,)
    key = TrialKey(row=0, row_id=row, cell="base", repeat=repeat)
    return TrialResult(key=key, status=status, inputs={}, outputs=None, steps=(), verdicts=verdicts)


def test_the_repeats_of_a_row_are_averaged() -> None:
    """
    Given a row with three repeats of which one failed and one errored, and one that was skipped,
    when rows are brought together,
    then the row says the means, what errored scored nothing, and the skipped row says nothing.
    """
    trials = [
        trial("x", "passed", 0, score=1.0),
        trial("x", "failed", 1, score=0.5),
        trial("x", "errored", 2),
        trial("y", "skipped"),
    ]

    found = by_row(trials)["base"]

    assert list(found) == ["x"]
    assert {name: found["x"][name] for name in ("pass_rate", "error_rate", "accuracy", "score")} == (
        pytest.approx({"pass_rate": 1 / 3, "error_rate": 1 / 3, "accuracy": 0.5, "score": 0.5})
    )


def test_a_row_some_of_whose_repeats_must_pass_is_one_pass_or_fail() -> None:
    """
    Given `repeat: {count: 3, pass: 2}` and two rows, of which one passed twice and one once,
    when rows are brought together,
    then one passes and one does not.
    """
    repeat = Repeat.model_validate({"count": 3, "pass": 2})
    statuses: dict[str, list[TrialStatus]] = {
        "x": ["passed", "passed", "failed"],
        "y": ["passed", "failed", "failed"],
    }

    found = by_row(
        [trial(row, status, n) for row in statuses for n, status in enumerate(statuses[row])], repeat
    )

    assert {row: values["pass_rate"] for row, values in found["base"].items()} == {"x": 1.0, "y": 0.0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"against": "main", "min": 0.9}, "write two gates"),
        ({"against": "main", "max_drop": 0.1, "max_rise": 0.1}, "keep `max_drop` or `max_rise`"),
        ({"against": "main", "metric": "cost_usd", "max_drop": 0.1}, "say `max_rise`"),
        ({"max_drop": 0.1}, "belong to a gate with `against`"),
        ({}, "a gate needs `min`, `max` or `against`"),
    ],
)
def test_gates_that_mean_nothing_are_refused(options: dict[str, object], said: str) -> None:
    """
    Given a gate with keys that do not go together,
    when it is read,
    then it is refused with what to say instead.
    """
    with pytest.raises(ValidationError, match=said):
        Gate.model_validate({"metric": "pass_rate", **options})


def test_gates_against_what_is_not_there_are_found() -> None:
    """
    Given gates against an unknown variant, against themselves, and with a metric that no row says,
    when they are checked,
    then each is a problem at its own place.
    """
    gates = [
        gate(against={"variant": "fwe"}),
        gate(against={"variant": "few"}, variant="few"),
        gate(metric="f1.macro_f1"),
        gate(metric="accuracy"),
    ]

    found = list(
        gate_problems(
            gates,
            metrics={"pass_rate", "f1.macro_f1", "accuracy"},
            cells={"base": "base", "few": "few"},
            by_check={"accuracy"},
        )
    )

    assert [place for place, _, _ in found] == [
        (0, "against", "variant"),
        (1, "against", "variant"),
        (2, "metric"),
    ]
    assert "few" in found[0][2]()


def test_a_run_judges_one_variant_against_another(cli: Cli) -> None:
    """
    Given a variant that answers worse on each of seven rows,
    when the pipeline is run,
    then the gate fails it, the run ends with 1, and --json says how the rows were paired.
    """
    cli.write(
        words="""\
        version: 1
        model: echo/echo
        inputs: {word: string}
        dataset: [{word: a}, {word: b}, {word: c}, {word: d}, {word: e}, {word: f}, {word: g}]
        variants:
          base: {}
          loud: {steps: {say: {messages: [{role: user, content: "{{ word }}!"}]}}}
        steps:
          - {id: say, messages: [{role: user, content: "{{ word }}"}], checks: [{equals: "{{ word }}"}]}
        gates:
          - {metric: pass_rate, against: {variant: base}, max_drop: 0.1}
        """
    )

    said = cli("run", "words", "--json")

    (found,) = said.json["gates"]
    assert said.code == 1
    assert (found["cell"], found["status"], found["against"]) == ("loud", "failed", "base")
    assert found["paired"]["difference"] == -1.0
