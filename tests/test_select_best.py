"""`select-best`: which cell's outputs a judge prefers, whatever the order in which it sees them."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from promptlab.live.planning.making import plan_loaded
from promptlab.live.project_log import open_log
from promptlab.live.running import RunRequest
from promptlab.loader.loading import load_pipeline
from promptlab.loader.problems import InvalidPipeline
from promptlab.loader.project import open_project
from tests.fakes import FakeProvider
from tests.lab import Lab, paid
from tests.resume_kit import resume_here

JUDGE = "fake/judge-1"
SHARED = "shared 2 times (rows 0, 2)"
BEST = {"name": "best", "select-best": "is kind"}
TWO = {"plain": {}, "warm": {"steps": {"say": {"prompt": "prompts/warm.j2"}}}}
THREE = {**TWO, "cold": {"steps": {"say": {"prompt": "prompts/cold.j2"}}}}


def choice(number: int) -> str:
    return json.dumps({"reason": "It is.", "best": number})


def at(number: int, text: str) -> str:
    """Match a request in which a text stands at this place."""
    return rf"judge-1.*<output-{number}-\w+>\\n{text}\\n"


PREFERS_WARM = [{"body": at(number, "warm"), "answer": choice(number)} for number in (1, 2, 3)]
PREFERS_FIRST = [{"body": "judge-1", "answer": choice(1)}]
ANSWERS = [
    {"body": "Say warmly", "answer": "warm"},
    {"body": "Say coldly", "answer": "cold"},
    {"answer": "plain"},
]


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    made = Lab(tmp_path, fake_provider.base_url)
    made.write("prompts/warm.j2", "Say warmly {{ word }}")
    made.write("prompts/cold.j2", "Say coldly {{ word }}")
    made.write_rows(3)
    return made


def compared(
    lab: Lab, provider: FakeProvider, *rules: Mapping[str, Any], metric: object = BEST, **keys: Any
) -> dict[str, dict[str, float | None]]:
    """Run the pipeline; give the metrics of the comparison by cell."""
    lab.write_pipeline(
        steps=[{"id": "say", "prompt": "prompts/say.j2"}],
        **{"judge": JUDGE, "variants": TWO, "metrics": [metric], **keys},
    )
    provider.script(*rules, *ANSWERS)
    cells = lab.run().cells
    names = ("best", "best.disagreement")
    return {cell: {name: values.get(name) for name in names} for cell, values in cells.items()}


def judged(provider: FakeProvider) -> int:
    return sum(request.body["model"] == "judge-1" for request in provider.requests())


def test_the_best_wins_in_both_orders(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a judge that prefers the outputs of one of two variants,
    when the pipeline is run, and run again,
    then that variant won every row, each row was asked for twice, and all of it is recalled.
    """
    found = compared(lab, fake_provider, *PREFERS_WARM)
    asked = judged(fake_provider)
    again = lab.run()

    assert found == {
        "plain": {"best": 0.0, "best.disagreement": 0.0},
        "warm": {"best": 1.0, "best.disagreement": 0.0},
    }
    assert (asked, judged(fake_provider)) == (2, 2)  # the rows are alike, so that they are asked for once
    assert (again.calls.sent, again.cells["warm"]["best"]) == (0, 1.0)


def test_a_judge_that_goes_by_place_makes_ties(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a judge that always prefers what stands first,
    when the pipeline is run,
    then all rows are ties, and the disagreement says so.
    """
    found = compared(lab, fake_provider, *PREFERS_FIRST)

    assert found["plain"] == found["warm"] == {"best": 0.5, "best.disagreement": 1.0}


def test_more_than_two_are_shown_at_once(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given three variants,
    when the pipeline is run,
    then they are shown in an order and its reverse.
    """
    found = compared(lab, fake_provider, *PREFERS_WARM, variants=THREE)

    assert {cell: values["best"] for cell, values in found.items()} == {"plain": 0, "warm": 1, "cold": 0}
    assert judged(fake_provider) == 2


def test_outputs_that_are_alike_share(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given variants that give the same,
    when the pipeline is run,
    then they share each row, nobody is asked, and there is no disagreement to tell of.
    """
    variants = {"plain": {}, "other": {"params": {"max_tokens": 40}}}

    found = compared(lab, fake_provider, *PREFERS_WARM, variants=variants)

    assert found["plain"] == found["other"] == {"best": 0.5, "best.disagreement": None}
    assert judged(fake_provider) == 0


def test_a_judge_without_a_verdict_lets_nobody_win(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a judge that names an output that is not there,
    when the pipeline is run,
    then no row was won, and the metric says why.
    """
    lab.write_pipeline(judge=JUDGE, variants=TWO, metrics=[BEST])
    fake_provider.script({"body": "judge-1", "answer": choice(7)}, *ANSWERS)

    summary = lab.run()

    assert summary.cells["warm"]["best"] == 0
    assert summary.measured.detail["warm"]["best"]["error"] == (
        "nobody won 3 rows: the judge chose output 7 of 2"
    )


def test_its_rubric_prompt_and_judge_are_ones_own(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a rubric that names a column, with a prompt and a judge of its own,
    when the pipeline is run,
    then that judge is asked with these texts.
    """
    lab.write("prompts/best.j2", "{{ value }}: {% for one in candidates %}[{{ one }}]{% endfor %}")
    metric = {
        **BEST,
        "select-best": "fits {{ row.word }}",
        "prompt": "prompts/best.j2",
        "judge": "fake/judge-2",
    }

    compared(lab, fake_provider, {"body": "judge-2", "answer": choice(1)}, metric=metric)

    asked = [one.body for one in fake_provider.requests() if one.body["model"] == "judge-2"]
    texts = {one["messages"][-1]["content"] for one in asked}
    assert "fits word-0001.: [plain][warm]" in texts
    assert "fits word-0001.: [warm][plain]" in texts


@pytest.mark.parametrize(
    ("metric", "keys", "message"),
    [
        (BEST, {"judge": None}, "nothing says which model judges"),
        ({**BEST, "select-best": "{{ say.output }}"}, {}, "say"),
        ({**BEST, "prompt": "prompts/none.j2"}, {}, "prompts/none.j2"),
        ({**BEST, "votes": 2}, {}, "votes"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    lab: Lab, fake_provider: FakeProvider, metric: object, keys: dict[str, Any], message: str
) -> None:
    """
    Given a comparison without a judge, with a rubric that names a step, or with unknown options,
    when the pipeline is loaded,
    then that is a problem, and nothing is called.
    """
    with pytest.raises(InvalidPipeline, match=message):
        compared(lab, fake_provider, *PREFERS_WARM, metric=metric, **keys)

    assert not fake_provider.requests()


def test_a_gate_may_ask_for_it(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a gate on the share of rows that a variant wins,
    when the pipeline is run with a judge that prefers the other,
    then the gate fails.
    """
    gates = [
        {"metric": "best", "variant": "plain", "min": 0.5},
        {"metric": "best.disagreement", "max": 0.1},
    ]
    compared(lab, fake_provider, *PREFERS_WARM, gates=gates)

    summary = lab.run()

    assert [(gate.cell, gate.metric, gate.status) for gate in summary.gates] == [
        ("plain", "best", "failed"),
        ("plain", "best.disagreement", "passed"),
        ("warm", "best.disagreement", "passed"),
    ]


def test_what_a_limit_left_is_compared_by_the_next_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit that leaves no call for comparisons,
    when the pipeline is run, and run again,
    then the first run is limited and has no winner; the second one has, for two calls.
    """
    compared(lab, fake_provider, *PREFERS_WARM, limits={"requests": 6})
    limited = lab.run(fresh=True)

    again = lab.run()

    assert (limited.status, limited.exit_code, limited.cells["warm"]["best"]) == ("limited", 4, None)
    assert limited.measured.detail["warm"]["best"]["error"] == (
        "the run stopped before 3 rows could be compared"
    )
    assert (again.status, again.cells["warm"]["best"], again.calls.sent) == ("passed", 1.0, 2)


def test_what_a_closed_judge_left_is_compared_by_a_resume(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a judge that refuses the key,
    when the pipeline is run, and the run is resumed with a judge that takes it,
    then the first ends with 3 and has no winner; the resumed run has one.
    """
    compared(lab, fake_provider, {"body": "judge-1", "status": 401})
    run_id, status = lab.query("select id, status from runs")[0]
    fake_provider.script(*PREFERS_WARM, *ANSWERS)

    resumed = lab.command("resume", run_id, "--json").summary

    assert status == "errored"
    assert (resumed["status"], resumed["cells"]["warm"]["best"]) == ("passed", 1.0)


def test_a_plan_counts_comparisons(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a pipeline of two variants that compares them,
    when a run of it is planned,
    then two calls of the judge are open for each row, with their tokens and cost.
    """
    compared(lab, fake_provider, *PREFERS_WARM)
    project = open_project(str(lab.root / "pipelines/words.yaml"))
    loaded = load_pipeline(project.files, "pipelines/words.yaml", project.targets())

    with open_log(project) as log:
        plan = asyncio.run(plan_loaded(project, loaded, RunRequest(), log=log))

    (best,) = (one for one in plan.steps if one.step == "best")
    assert (best.model, best.numbers.open, best.numbers.is_soft) == (JUDGE, 6, True)
    assert best.numbers.input_tokens > 6 * 500
    assert 0 < (best.numbers.expected_usd or 0) < (best.numbers.worst_usd or 0)


def test_the_log_keeps_who_won_and_what_that_cost(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a judge that prefers one variant, and cannot decide on a row,
    when the pipeline is run, and the run is shown,
    then the rows that each won are told, those of a trial too, and the judge's answers are in the cost.
    """
    lab.write("prompts/best.j2", "{{ row.word }} {{ candidates[0] }}")
    keys = {"metric": {**BEST, "prompt": "prompts/best.j2"}}
    rules = [
        {"body": "judge-1.*0001.*warm", "answer": choice(1)},
        {"body": "judge-1.*0001", "answer": choice(2)},
    ]
    compared(lab, fake_provider, *rules, *PREFERS_FIRST, **keys)

    shown = lab.command("runs", "show", "last").out
    document = lab.command("runs", "show", "last", "--json").summary
    plain, warm = lab.command("runs", "show", "last", "--row", "1", "--json").summary["trials"]
    trial = lab.command("runs", "show", "last", "--row", "0", "--variant", "warm").out

    assert f"best: plain won 0 times, {SHARED}; warm won 1 time (row 1), {SHARED}\n" in shown
    assert (plain["best"], warm["best"]) == ({"best": "not"}, {"best": "won"})
    assert trial.endswith("best: one of the best of its row\n")
    assert document["cost_usd"] == pytest.approx(document["spent_usd"]) == pytest.approx(paid(fake_provider))


def test_a_resumed_run_counts_what_comparing_cost_once(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that compared, one of whose trials errored,
    when it is resumed,
    then its cost is that of its answers, as the provider charged them.
    """
    compared(lab, fake_provider, {"body": "word-0001", "status": 400}, *PREFERS_WARM)
    fake_provider.script(*PREFERS_WARM, *ANSWERS)

    resumed = resume_here(lab)

    (stored,) = lab.query("select cost_usd, spent_usd from runs")
    assert resumed.trials == {"passed": 6}
    assert stored == pytest.approx((resumed.cost_usd, paid(fake_provider)))


def test_a_stored_run_is_compared_by_a_new_rubric(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that compared, and a rubric and a gate that were edited since,
    when it is judged again,
    then only the judge is asked, by the new rubric, and the gate goes by what it says.
    """
    compared(lab, fake_provider, *PREFERS_WARM)
    sent = len(fake_provider.requests())
    gates = [{"metric": "best", "variant": "plain", "min": 0.5}]
    steps = [{"id": "say", "prompt": "prompts/say.j2"}]
    metrics = [{**BEST, "select-best": "is cold"}]
    lab.write_pipeline(steps=steps, judge=JUDGE, variants=TWO, metrics=metrics, gates=gates)
    fake_provider.script({"body": at(2, "plain"), "answer": choice(2)}, *PREFERS_FIRST)

    ended = lab.command("check", "last", "--json")

    asked = [request.body for request in fake_provider.requests()[sent:]]
    assert (ended.code, {body["model"] for body in asked}) == (0, {"judge-1"})
    assert all("is cold" in json.dumps(body) for body in asked)
    assert ended.summary["cells"]["plain"]["best"] == 1
    assert ended.summary["cost_usd"] > ended.summary["spent_usd"] > 0
