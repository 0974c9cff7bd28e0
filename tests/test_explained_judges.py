"""`run --explain` and the turns of a watch: why models that judge were asked."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from promptlab.live.project_log import open_log
from promptlab.live.watching.called import called_because
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY
from tests.recall_kit import CLASSIFY, ROWS, Desk, FirstRuns

GOOD = json.dumps({"reason": "It is.", "pass": True, "score": 1})
KIND = {"llm-rubric": "is kind"}
LONG = {"type": "llm-rubric", "value": "is kind"}
OWN_PROMPT = {"type": "llm-rubric", "value": "is kind", "prompt": "prompts/judge.j2"}
WHOLE = {"checks": [{"llm-rubric": "is short"}]}
AT_STEP, AT_END = ("r0", "classify/llm-rubric"), ("r0", "llm-rubric")


@pytest.fixture
def desk(
    cli: Cli, fake_provider: FakeProvider, first_runs: FirstRuns, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """Give a project whose answers are judged, at the step and at the end."""
    monkeypatch.setenv("FAKE_KEY", KEY)
    fake_provider.script({"body": "judge-", "answer": GOOD})
    made = Desk.made(cli, fake_provider, first_runs)
    made.rows(ROWS[0])
    made.prompt("judge", "Is '{{ output }}' fine for {{ row.audience }}? {{ value }}")
    return made


def judged(desk: Desk, *checks: object, **keys: object) -> None:
    desk.pipeline({**CLASSIFY, "checks": checks or [KIND]}, **{"judge": "fake/judge-1", **WHOLE, **keys})


def of(desk: Desk, **columns: object) -> None:
    desk.rows({**ROWS[0], **columns})


EDITS: list[tuple[Sequence[object], Callable[[Desk], None], dict[tuple[str, str], str]]] = [
    ([KIND], lambda desk: judged(desk, {"llm-rubric": "is warm"}), {AT_STEP: "its value"}),
    (
        [KIND],
        lambda desk: judged(desk, {"type": "llm-rubric", "value": "is kind", "context": "Facts."}),
        {AT_STEP: "its context"},
    ),
    (
        [KIND],
        lambda desk: judged(desk, judge="fake/judge-2"),
        {AT_STEP: "judge fake/judge-1 → fake/judge-2", AT_END: "judge fake/judge-1 → fake/judge-2"},
    ),
    (
        [OWN_PROMPT],
        lambda desk: desk.prompt("judge", "Is '{{ output }}' right for {{ row.audience }}? {{ value }}"),
        {AT_STEP: "template prompts/judge.j2"},
    ),
    ([OWN_PROMPT], lambda desk: of(desk, audience="adults"), {AT_STEP: "row audience"}),
    (
        [KIND],
        lambda desk: desk.prompt("classify", "Name {{ ticket }}."),
        {
            ("r0", "classify"): "template prompts/classify.j2; include gone",
            AT_STEP: "answer of classify",
            AT_END: "outputs",
        },
    ),
    (
        [KIND],
        lambda desk: judged(desk, KIND, {"llm-rubric": "is warm"}),
        {("r0", "classify/llm-rubric-2"): "new check"},
    ),
    ([KIND], lambda desk: judged(desk, {**LONG, "votes": 3}), {AT_STEP: "new vote"}),
    ([KIND], lambda desk: judged(desk, {"llm-rubric": "{{ 'is warm' }}"}), {AT_STEP: "its texts"}),
    (
        [{"all-of": [KIND]}],
        lambda desk: judged(desk, {"all-of": [{"llm-rubric": "is warm"}]}),
        {("r0", "classify/all-of"): "its value"},
    ),
]


@pytest.mark.parametrize(("checks", "edit", "expected"), EDITS)
def test_why_judges_were_asked(
    desk: Desk,
    checks: Sequence[object],
    edit: Callable[[Desk], None],
    expected: dict[tuple[str, str], str],
) -> None:
    """
    Given a run whose answers were judged,
    when what its judges are asked is edited, and it is run again,
    then each check that asked anew says what changed, and those that did not are not told.
    """
    of(desk, audience="children")
    judged(desk, *checks)
    first = desk.run()

    edit(desk)
    second = desk.run()

    assert set(first.why.values()) == {"first run"}
    told = {cell: said for cell, said in second.why.items() if cell != ("r0", "classify")}
    assert told == {cell: said for cell, said in expected.items() if cell != ("r0", "classify")}
    assert (("r0", "classify") in second.why) is (("r0", "classify") in expected)


def test_a_table_counts_calls_of_judges(desk: Desk) -> None:
    """
    Given a run whose rubric was edited,
    when it is run again with `--explain`,
    then the judge's call is in the table; run once more, nothing was called.
    """
    judged(desk)
    desk.run()
    judged(desk, {"llm-rubric": "is warm"})

    second, third = (desk.cli("run", "desk", "--explain").out for _ in range(2))

    assert "1 call, and why" in second
    assert "classify/llm-rubric" in second
    assert "nothing was called" in third


def test_a_turn_counts_calls_of_judges(desk: Desk) -> None:
    """
    Given a run whose rubric was edited and which was run again,
    when the causes of that run's calls are counted, as the turns of a watch do,
    then the judge's is one.
    """
    judged(desk)
    desk.run()
    judged(desk, {"llm-rubric": "is warm"})
    run_id = desk.run().summary["run_id"]
    project = open_project(None, root=str(desk.cli.folder))
    loaded = load_pipeline(project.files, "pipelines/desk.yaml", project.targets())

    with open_log(project) as log:
        called = called_because(log, run_id, loaded.cells)

    assert [(one.count, one.why) for one in called] == [(1, (("check", "value"),))]


def test_fresh_judges_are_told(desk: Desk) -> None:
    """
    Given a run,
    when it is run again with `--fresh`,
    then each check says so.
    """
    judged(desk)
    desk.run()

    found: dict[Any, str] = desk.run("--fresh").why

    assert found == {("r0", "classify"): "--fresh", AT_STEP: "--fresh", AT_END: "--fresh"}
