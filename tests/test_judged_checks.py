"""Checks that a model judges: what they ask, how they read the verdict, what that costs, and who is asked."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from promptlab.live.planning.making import plan_loaded
from promptlab.live.project_log import open_log
from promptlab.live.running import RunRequest
from promptlab.loader.loading import load_pipeline
from promptlab.loader.problems import InvalidPipeline
from promptlab.loader.project import open_project
from promptlab.schemas.run import Verdict
from tests.fakes import FakeProvider
from tests.lab import Lab, paid

JUDGE = "fake/judge-1"
ASKS_JUDGE = "You (grade|say whether|compare|take an answer|go through)"

GOOD = {"reason": "It is kind.", "pass": True, "score": 0.9}
BAD = {"reason": "It is rude.", "pass": False, "score": 0.2}


def statements(*holds: bool) -> dict[str, Any]:
    return {
        "statements": [{"statement": f"Fact {number}.", "holds": each} for number, each in enumerate(holds)]
    }


def rules(*verdicts: object, answer: str = "an answer") -> list[dict[str, Any]]:
    """Have the judge give one verdict after the other, and the last of them from then on."""
    given = [one if isinstance(one, str) else json.dumps(one) for one in verdicts]
    nth = [{"body": "judge-1", "nth": number, "answer": text} for number, text in enumerate(given[:-1], 1)]
    return [*nth, {"body": "judge-1", "answer": given[-1]}, {"answer": answer}]


def judged(
    lab: Lab,
    provider: FakeProvider,
    own: Sequence[object],
    *verdicts: object,
    rows: object = None,
    **keys: Any,
) -> list[Verdict]:
    lab.write_rows(1)
    if rows is not None:
        keys["dataset"] = rows
    steps = [{"id": "say", "prompt": "prompts/say.j2", "checks": list(own)}]
    lab.write_pipeline(steps=steps, **{"judge": JUDGE, **keys})
    provider.script(*rules(*verdicts))
    lab.run()
    return list(lab.trials[0].all_verdicts)


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    return Lab(tmp_path, fake_provider.base_url)


ROW = [{"word": "hi", "query": "How are you?", "context": ["Facts.", "More facts."], "truth": "All is well."}]

KINDS: list[tuple[Any, object, str, float, str]] = [
    ({"llm-rubric": "is kind"}, GOOD, "passed", 0.9, "It is kind."),
    ({"llm-rubric": "is kind"}, BAD, "failed", 0.2, "It is rude."),
    ({"not-llm-rubric": "is kind"}, BAD, "passed", 0.8, "It is rude."),
    ({"type": "llm-rubric", "value": "is kind", "threshold": 0.95}, GOOD, "failed", 0.9, "It is kind."),
    ({"closed-qa": "is polite"}, {"reason": "Yes.", "pass": True}, "passed", 1.0, "Yes."),
    (
        {"factuality": "{{ truth }}"},
        {"reason": "Same.", "category": "C"},
        "passed",
        1.0,
        "(C) says the same as the reference: Same.",
    ),
    (
        {"factuality": "{{ truth }}"},
        {"reason": "No.", "category": "D"},
        "failed",
        0.0,
        "(D) disagrees with the reference: No.",
    ),
    (
        {"g-eval": "is short"},
        {"steps": [], "reason": "Quite.", "points": 7},
        "passed",
        0.7,
        "7 of 10 points: Quite.",
    ),
    (
        {"g-eval": ["is short", "is kind"]},
        {"steps": [], "reason": "Hm.", "points": 6},
        "failed",
        0.6,
        "6 + 6 of 20 points: Hm. Hm.",
    ),
    (
        "answer-relevance",
        statements(True, True, False, True),
        "passed",
        0.75,
        "3 of 4 statements answer the query; beside the point: Fact 2.",
    ),
    ("answer-relevance", statements(), "failed", 0.0, "says nothing"),
    (
        "context-relevance",
        statements(True, False, False),
        "failed",
        1 / 3,
        "1 of 3 sentences of the context bear on the query; not needed: Fact 1.; Fact 2.",
    ),
    (
        {"context-recall": "{{ truth }}"},
        statements(True),
        "passed",
        1.0,
        "1 of 1 sentence are found in the context",
    ),
    ("context-faithfulness", statements(), "errored", 0.0, "the judge found no statement to judge"),
    (
        {"type": "context-faithfulness", "threshold": 0.9},
        statements(True, False),
        "failed",
        0.5,
        "1 of 2 statements follow from the context; not in the context: Fact 1.",
    ),
]


@pytest.mark.parametrize(("check", "given", "status", "score", "reason"), KINDS)
def test_a_verdict_is_read(
    lab: Lab,
    fake_provider: FakeProvider,
    check: object,
    given: object,
    status: str,
    score: float,
    reason: str,
) -> None:
    """Given a judge that answers in JSON, when a step is judged by it, then its verdict counts."""
    (verdict,) = judged(lab, fake_provider, [check], given, rows=ROW)

    assert (verdict.status, verdict.reason) == (status, reason)
    assert verdict.score == pytest.approx(score)


def test_what_a_judge_is_asked(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given an answer that looks like a template and like tags, when it is judged, then it is sent so."""
    lab.write_rows(1)
    steps = [{"id": "say", "prompt": "prompts/say.j2", "checks": [{"closed-qa": "is {{ word }}"}]}]
    lab.write_pipeline(steps=steps, judge=JUDGE)
    fake_provider.script(*rules({"reason": "", "pass": True}, answer="{{ word }} </answer>"))

    lab.run()

    body = fake_provider.requests()[-1].body
    user = body["messages"][-1]["content"]
    mark = user.partition(">")[0].removeprefix("<task-")
    assert f"<task-{mark}>\nSay word-0000.\n</task-{mark}>" in user
    assert f"<answer-{mark}>\n{{{{ word }}}} </answer>\n</answer-{mark}>" in user
    assert f"<criterion-{mark}>\nis word-0000.\n</criterion-{mark}>" in user
    assert body["temperature"] == 0
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["reason", "pass"]


@pytest.mark.parametrize("kind", ["context-faithfulness", "answer-relevance"])
def test_an_answer_that_says_nothing_fails_and_nobody_is_asked(
    lab: Lab, fake_provider: FakeProvider, kind: str
) -> None:
    """Given an empty answer, when it is held to what it says, then it fails, and no judge is asked."""
    lab.write_pipeline(
        steps=[{"id": "say", "prompt": "prompts/say.j2", "checks": [kind]}], judge=JUDGE, dataset=ROW
    )
    fake_provider.script({"answer": "  "})

    lab.run()

    (verdict,) = lab.trials[0].all_verdicts
    assert (verdict.status, verdict.reason) == ("failed", "says nothing")
    assert len(fake_provider.requests()) == 1


def test_a_judge_that_talks_around_its_verdict_is_understood(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a verdict inside prose, when it is read, then the JSON in it counts."""
    again = json.dumps({**GOOD, "reason": "In short: kind."})
    talk = f"Let me see {{so}}:\n```json\n{json.dumps(GOOD)}\n```\n{again}"

    (verdict,) = judged(lab, fake_provider, [{"llm-rubric": "is kind"}], talk)

    assert verdict.status == "passed"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I would say so.", "the judge gave no verdict, but 'I would say so.'"),
        (json.dumps({"pass": True}), "the judge's verdict does not fit its schema: 'reason' is a required"),
        (json.dumps({**GOOD, "score": 7}), "the judge gave the score 7; a score is from 0 to 1"),
        (
            f"The output says {json.dumps(GOOD)}, but I say {json.dumps(BAD)}",
            "the judge gave several verdicts, which differ",
        ),
    ],
)
def test_a_verdict_that_cannot_be_read_is_an_error(
    lab: Lab, fake_provider: FakeProvider, answer: str, reason: str
) -> None:
    """Given a judge that gives no verdict, when a step is judged, then the trial is errored and says why."""
    (verdict,) = judged(lab, fake_provider, [{"llm-rubric": "is kind"}], answer)

    assert verdict.status == "errored"
    assert verdict.reason.startswith(reason)
    assert lab.trials[0].status == "errored"


def test_most_votes_decide(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given three votes of which one says no, when they are counted, then it passes with their mean score."""
    (verdict,) = judged(
        lab, fake_provider, [{"type": "llm-rubric", "value": "is kind", "votes": 3}], BAD, GOOD, GOOD
    )

    assert (verdict.status, verdict.reason) == ("passed", "2 of 3 votes: It is kind.")
    assert verdict.score == pytest.approx(2 / 3)
    assert verdict.asked is not None
    assert len({call.fingerprint for call in verdict.asked.calls}) == 3


def test_votes_that_are_even_do_not_pass(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given one vote for and one against, when they are counted, then the check fails."""
    (verdict,) = judged(
        lab, fake_provider, [{"type": "llm-rubric", "value": "is kind", "votes": 2}], BAD, GOOD
    )

    assert (verdict.status, verdict.reason) == ("failed", "1 of 2 votes: It is rude.")


def test_what_judges_cost_counts_for_the_trial(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given checks of a step and a pipeline, when a run ends, then its cost is what the provider charged."""
    checks = [{"llm-rubric": "is kind"}, {"cost": 0.00001}]

    (kind, cost, whole) = judged(lab, fake_provider, checks, GOOD, checks=[{"llm-rubric": "is whole"}])

    assert kind.asked is not None
    assert whole.asked is not None
    assert lab.trials[0].spent_usd == pytest.approx(paid(fake_provider))
    assert kind.asked.spent_usd == whole.asked.spent_usd
    assert cost.reason.startswith("costs 1e-05 USD")
    assert lab.query("select sum(spent_usd) from attempts") == [(pytest.approx(paid(fake_provider)),)]


def test_verdicts_of_judges_are_recalled(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a judged run, when it is run again, then no judge is asked and the verdicts are the same."""
    (before,) = judged(lab, fake_provider, [{"llm-rubric": "is kind"}], GOOD)
    sent = len(fake_provider.requests())

    summary = lab.run()

    (after,) = lab.trials[0].all_verdicts
    assert len(fake_provider.requests()) == sent == 2
    assert (after.status, after.score, after.reason) == (before.status, before.score, before.reason)
    assert (summary.calls.sent, summary.calls.recalled) == (0, 2)
    assert summary.cost_usd == pytest.approx(paid(fake_provider))
    assert summary.spent_usd == 0


def test_an_edited_rubric_asks_the_judge_alone(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a judged run, when the rubric is edited, then only the judge is asked again."""
    judged(lab, fake_provider, [{"llm-rubric": "is kind"}], GOOD)

    judged(lab, fake_provider, [{"llm-rubric": "is very kind"}], GOOD)

    asked = [request.body["model"] for request in fake_provider.requests()]
    assert asked == ["model-1", "judge-1", "judge-1"]


def test_who_judges(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given judges at a check, a pipeline and the settings, when it runs, then the nearest judges."""
    lab.settings = {"judge": "fake/judge-1-of-settings"}
    lab.__post_init__()
    own = {"type": "llm-rubric", "value": "is kind", "judge": "fake/judge-1-of-check"}

    by_settings = judged(lab, fake_provider, [own, {"llm-rubric": "is kind"}], GOOD, judge=None)
    by_pipeline = judged(
        lab, fake_provider, [own, {"llm-rubric": "is kind"}], GOOD, judge="fake/judge-1-of-it"
    )

    said = [verdict.asked.model for verdict in (*by_settings, *by_pipeline) if verdict.asked]
    assert said == [
        "fake/judge-1-of-check",
        "fake/judge-1-of-settings",
        "fake/judge-1-of-check",
        "fake/judge-1-of-it",
    ]


def test_without_a_judge_nothing_is_called(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a check that needs a judge and none anywhere, when it is loaded, then its line says so."""
    with pytest.raises(InvalidPipeline) as raised:
        judged(lab, fake_provider, [{"llm-rubric": "is kind"}], GOOD, judge=None)

    assert "nothing says which model judges" in str(raised.value)
    assert fake_provider.requests() == []


def test_rows_bring_rubrics(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given rubrics in `$checks`, when the rows are run, then the default judge judges, literally."""
    rows = [{"word": "hi", "$checks": [{"llm-rubric": "is {{ kind }}"}]}]

    (verdict,) = judged(lab, fake_provider, [], GOOD, rows=rows)

    assert verdict.status == "passed"
    assert "is {{ kind }}" in fake_provider.requests()[-1].body["messages"][-1]["content"]


@pytest.mark.parametrize("key", ["judge", "prompt"])
def test_rows_choose_no_judge_and_name_no_file(lab: Lab, fake_provider: FakeProvider, key: str) -> None:
    """Given a row's check that names a model or a file, when it is loaded, then it is refused."""
    check = {"type": "llm-rubric", "value": "is kind", key: "fake/other"}

    with pytest.raises(InvalidPipeline) as raised:
        judged(lab, fake_provider, [], GOOD, rows=[{"word": "hi", "$checks": [check]}])

    assert f"so they have no `{key}`" in str(raised.value)


def test_a_prompt_of_ones_own(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a template for a check, when it is judged, then the judge is asked with that."""
    lab.write("prompts/mine.j2", "Is «{{ output }}» {{ value }}, {{ word }}?")
    check = {"type": "llm-rubric", "value": "kind", "prompt": "prompts/mine.j2"}

    (verdict,) = judged(lab, fake_provider, [check], GOOD)

    assert verdict.status == "passed"
    assert fake_provider.requests()[-1].body["messages"][0]["content"] == "Is «an answer» kind, word-0000.?"


def test_undefined_names_in_a_prompt_of_ones_own_are_found(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a judge's template with a name that nothing gives, when it is loaded, then its line says so."""
    lab.write("prompts/mine.j2", "Is {{ output }} {{ rubrik }}?")
    check = {"type": "llm-rubric", "value": "kind", "prompt": "prompts/mine.j2"}

    with pytest.raises(InvalidPipeline) as raised:
        judged(lab, fake_provider, [check], GOOD)

    assert "prompts/mine.j2:1:" in str(raised.value)
    assert "rubrik" in str(raised.value)


def test_a_row_that_lacks_the_context_is_found(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given rows of which one has no context, when a check needs it, then it is found before any call."""
    rows = [{"word": "hi", "context": "Facts."}, {"word": "ho"}]

    with pytest.raises(InvalidPipeline) as raised:
        judged(lab, fake_provider, ["context-faithfulness"], statements(), rows=rows)

    assert "context" in str(raised.value)
    assert fake_provider.requests() == []


def test_a_limit_leaves_what_was_not_judged(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a limit that ends before all is judged, when it is run again, then nothing is bought twice."""
    steps = [{"id": "say", "prompt": "prompts/say.j2", "checks": [{"llm-rubric": "is {{ word }}"}]}]
    lab.write_rows(3)
    lab.write_pipeline(steps=steps, judge=JUDGE, limits={"requests": 4})
    fake_provider.script(*rules(GOOD))

    limited = lab.run(max_concurrency=1)
    whole = lab.run()

    assert limited.exit_code == 4
    assert (whole.trials["passed"], whole.calls.sent) == (3, 2)
    assert len(fake_provider.requests()) == 6


def test_a_judge_that_fails_for_good_is_an_error_of_the_check(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a judge that refuses the request, when a step is judged, then the verdict says so."""
    lab.write_rows(1)
    lab.write_pipeline(
        steps=[{"id": "say", "prompt": "prompts/say.j2", "checks": [{"llm-rubric": "is kind"}]}], judge=JUDGE
    )
    fake_provider.script({"body": "judge-1", "status": 400}, {"answer": "an answer"})

    lab.run()

    (verdict,) = lab.trials[0].all_verdicts
    assert verdict.status == "errored"
    assert verdict.reason.startswith("the judge fake/judge-1 gave no answer: ")


def test_a_judge_that_refuses_the_key_stops_the_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given a judge that refuses the key, when a step is judged, then the run ends with 3."""
    lab.write_rows(2)
    lab.write_pipeline(
        steps=[{"id": "say", "prompt": "prompts/say.j2", "checks": [{"llm-rubric": "is kind"}]}], judge=JUDGE
    )
    fake_provider.script({"body": "judge-1", "status": 401}, {"answer": "an answer"})

    summary = lab.run()

    assert summary.exit_code == 3
    assert {trial.status for trial in lab.trials} <= {"left"}


def test_judges_inside_groups_and_called_pipelines(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given rubrics in a group and in a called pipeline, when it runs, then the judges of each are asked."""
    inner = {
        "version": 1,
        "inputs": {"word": "string"},
        "judge": "fake/judge-1-inside",
        "steps": [{"id": "say", "prompt": "prompts/say.j2"}],
        "checks": [{"llm-rubric": "is kind"}],
    }
    lab.write("pipelines/inner.yaml", inner)
    group = {"any-of": [{"llm-rubric": "is kind"}, {"contains": "nothing"}]}
    lab.write_rows(1)
    steps = [
        {"id": "all", "pipeline": "pipelines/inner.yaml", "with": {"word": "{{ word }}"}, "checks": [group]}
    ]
    lab.write_pipeline(steps=steps, judge=JUDGE)
    fake_provider.script(*rules(GOOD))

    lab.run()

    verdicts = lab.trials[0].all_verdicts
    assert [verdict.status for verdict in verdicts] == ["passed", "passed"]
    assert {verdict.asked.model for verdict in verdicts if verdict.asked} == {JUDGE, "fake/judge-1-inside"}


def plan_of(lab: Lab) -> dict[str, tuple[int, int, int]]:
    """Plan the pipeline; give calls, recalled and open ones of each place."""
    project = open_project(str(lab.root / "pipelines/words.yaml"))
    loaded = load_pipeline(project.files, "pipelines/words.yaml", project.targets())
    with open_log(project) as log:
        plan = asyncio.run(plan_loaded(project, loaded, RunRequest(), log=log))
    found = {f"{step.step}{' judges' if step.judges else ''}": step.numbers for step in plan.steps}
    return {place: (one.call, one.recall, one.open) for place, one in found.items()}


def test_a_plan_counts_what_judges_are_asked(lab: Lab, fake_provider: FakeProvider) -> None:
    """Given rubrics at a step and the pipeline, when it is planned and run by and by, then both agree."""
    group = {
        "all-of": [{"llm-rubric": "is {{ word }}"}, {"type": "closed-qa", "value": "is nice", "votes": 3}]
    }
    steps = [{"id": "say", "prompt": "prompts/say.j2", "checks": [group, {"contains": "answer"}]}]
    lab.write_rows(2)
    lab.write(".env", "FAKE_KEY=fake-test-key\n")
    lab.write_pipeline(steps=steps, judge=JUDGE, checks=[{"llm-rubric": "is whole, {{ word }}"}])
    fake_provider.script(*rules(GOOD))

    at_first = plan_of(lab)
    lab.run()
    after = plan_of(lab)
    lab.write_pipeline(steps=steps, judge=JUDGE, checks=[{"llm-rubric": "is new, {{ word }}"}])
    edited = plan_of(lab)
    summary = lab.run()

    assert at_first == {"say": (2, 0, 0), "say judges": (0, 0, 8), " judges": (0, 0, 2)}
    assert after == {"say": (0, 2, 0), "say judges": (0, 8, 0), " judges": (0, 2, 0)}
    assert edited == {"say": (0, 2, 0), "say judges": (0, 8, 0), " judges": (2, 0, 0)}
    assert (summary.calls.sent, summary.calls.recalled) == (2, 10)
