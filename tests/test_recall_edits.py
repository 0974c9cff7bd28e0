"""What an edit costs, by the journal of the provider, which the real command asks; what `--explain` says."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY
from tests.recall_kit import CLASSIFY, NOTE, PROMPTS, REPLY, ROWS, Cell, Desk, FirstRuns, cells

FIND = '''\
def find(order: str) -> str:
    """Find an order."""
    return "on its way"
'''
COUNT = """\
from pathlib import Path
import helpers

def count(text):
    with Path("ran.txt").open("a") as ran:
        ran.write(f"{text}\\n")
    return helpers.length(text)
"""


@pytest.fixture
def desk(
    cli: Cli, fake_provider: FakeProvider, first_runs: FirstRuns, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """Give a project of three prompts and four rows; two of the prompts hang together."""
    monkeypatch.setenv("FAKE_KEY", KEY)
    return Desk.made(cli, fake_provider, first_runs)


def test_the_first_run_asks_everything_and_the_second_nothing(desk: Desk) -> None:
    """
    Given a project that was never run,
    when it is run twice,
    then the first run asks every step of every row, and the second none.
    """
    first, second = desk.run(), desk.run()

    assert (len(first.asked), len(second.asked)) == (12, 0)
    assert first.why == dict.fromkeys(cells("classify", "reply", "note"), "first run")
    assert (second.why, second.summary["calls"]["recalled"]) == ({}, 12)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("note", "Write down {{ tier }}.", {"note": "template prompts/note.j2"}),
        ("reply", "Answer {{ ticket }}: {{ classify.output }}.", {"reply": "template prompts/reply.j2"}),
        (
            "classify",
            "{% include 'style.j2' %} Label {{ ticket }}.",
            {"classify": "template prompts/classify.j2", "reply": "answer of classify"},
        ),
        ("style", "Be kind.", {"classify": "include prompts/style.j2", "reply": "answer of classify"}),
        ("note", "---\nparams: {top_p: 0.5}\n---\nNote {{ tier }}.", {"note": "params.top_p unset → 0.5"}),
    ],
)
def test_an_edited_prompt_asks_the_cells_behind_it(
    desk: Desk, name: str, text: str, expected: dict[str, str]
) -> None:
    """
    Given a run,
    when one prompt, or what it includes, is edited,
    then exactly its step is asked in all rows, and what uses its answers, and it is said why; edited back,
    nothing is asked.
    """
    desk.run()
    desk.prompt(name, text)

    edited = desk.run()
    desk.prompt(name, PROMPTS[name])
    back = desk.run()

    assert len(edited.asked) == 4 * len(expected)
    assert edited.why == {(row, step): expected[step] for row, step in cells(*expected)}
    assert (back.asked, back.why) == ([], {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("note", "\n\n  Note {{tier}}.\n\n"),
        ("note", "Note {{ tier }}.{# to do: say more #}"),
        ("note", "Note {{ tier\n}}."),
        ("note", "---\ndescription: Notes the tier.\n---\nNote {{ tier }}."),
        ("style", "Be brief.{# and kind? #}"),
        ("classify", "{%- include 'style.j2' -%} {{ ' Sort' }} {{ ticket }}."),
    ],
)
def test_an_edit_that_does_not_reach_the_rendered_text_asks_nothing(desk: Desk, name: str, text: str) -> None:
    """
    Given a run,
    when white space around the text, a comment, or how a template says the same is edited,
    then nothing is asked.
    """
    desk.run()
    desk.prompt(name, text)

    turn = desk.run()

    assert (turn.asked, turn.why) == ([], {})


def test_a_changed_step_with_the_same_output_leaves_what_follows_untouched(desk: Desk) -> None:
    """
    Given a classifier that always answers the same,
    when its prompt is edited,
    then it is asked again, and the step that uses its answer is not.
    """
    desk.provider.script({"user": "Sort|Label", "answer": "billing"})
    desk.run()
    desk.prompt("classify", "Label {{ ticket }}.")

    turn = desk.run()

    assert turn.asked == [f"Label ticket-{number}." for number in range(4)]
    assert turn.why.keys() == cells("classify")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {**ROWS[1], "ticket": "other"},
            {"classify": "row ticket", "reply": "row ticket"},
        ),
        ({**ROWS[1], "tier": "other"}, {"note": "row tier"}),
        ({**ROWS[1], "label": "no input"}, {}),
    ],
)
def test_an_edited_row_asks_the_steps_that_see_what_changed(
    desk: Desk, row: dict[str, str], expected: dict[str, str]
) -> None:
    """
    Given a run,
    when one row is edited,
    then of this row alone the steps that use what changed are asked; a column that is no input asks nothing.
    """
    desk.run()
    desk.rows(ROWS[0], row, *ROWS[2:])

    turn = desk.run()

    assert len(turn.asked) == len(expected)
    assert turn.why == {("r1", step): why for step, why in expected.items()}


def test_rows_that_move_ask_nothing_and_new_ones_themselves(desk: Desk) -> None:
    """
    Given a run,
    when rows are put in another order, one is deleted and one is inserted at the top,
    then the new one alone is asked; and when the deleted one comes back, nothing is.
    """
    desk.run()
    new = {"id": "new", "ticket": "late", "tier": "gold"}
    desk.rows(new, ROWS[3], ROWS[0], ROWS[2])

    moved = desk.run()
    desk.rows(*ROWS)
    back = desk.run()

    assert moved.why == dict.fromkeys(cells("classify", "reply", "note", rows=["new"]), "new row")
    assert (len(moved.asked), back.asked) == (3, [])


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda desk: desk.pipeline(params={"max_tokens": 50, "temperature": 0.7}),
            dict.fromkeys(("classify", "reply", "note"), "params.temperature unset → 0.7"),
        ),
        (
            lambda desk: desk.pipeline(CLASSIFY, REPLY, {**NOTE, "params": {"max_tokens": 9}}),
            {"note": "params.max_tokens 50 → 9"},
        ),
        (
            lambda desk: desk.pipeline(CLASSIFY, REPLY, {**NOTE, "model": "fake/model-2"}),
            {"note": "model fake/model-1 → fake/model-2"},
        ),
        (
            lambda desk: desk.pipeline(CLASSIFY, REPLY, {**NOTE, "output": {"enum": ["Note tier-0.", "b"]}}),
            {"note": "schema output"},
        ),
        (
            lambda desk: desk.pipeline(CLASSIFY, REPLY, {**NOTE, "output": {"schema": "schemas/note.yaml"}}),
            {"note": "schema schemas/note.yaml"},
        ),
        (
            lambda desk: desk.pipeline(CLASSIFY, REPLY, {**NOTE, "tools": ["tools/find.py:find"]}),
            {"note": "tool find (new)"},
        ),
        (
            lambda desk: desk.pipeline(
                CLASSIFY, REPLY, {**NOTE, "model": "fake/model-2", "params": {"top_p": 0.1}}
            ),
            {"note": "model fake/model-1 → fake/model-2; params.top_p unset → 0.1"},
        ),
    ],
)
def test_an_edited_step_asks_itself_again(
    desk: Desk, edit: Callable[[Desk], None], expected: dict[str, str]
) -> None:
    """
    Given a run,
    when parameters, the model, the schema or the tools of a step are edited,
    then exactly what they belong to is asked again, and it is said what changed, from what to what.
    """
    desk.write("tools/find.py", FIND)
    desk.write("schemas/note.yaml", "type: string")
    desk.run()
    edit(desk)

    turn = desk.run("--fail-exit-code", "0")

    assert len(turn.asked) == 4 * len(expected)
    assert turn.why == {(row, step): expected[step] for row, step in cells(*expected)}


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": [CLASSIFY, REPLY, {**NOTE, "checks": [{"contains": "nobody"}]}]},
        {"gates": [{"metric": "pass_rate", "min": 0.1}]},
        {"limits": {"requests": 1}, "tags": ["a"], "description": "New."},
        {"outputs": {"note": "{{ note.output }}"}},
        {"steps": [NOTE, CLASSIFY, REPLY]},
        {"steps": [CLASSIFY, REPLY, {**NOTE, "retry": {"max_attempts": 2}, "timeout": 9}]},
    ],
)
def test_what_is_not_sent_asks_nothing(desk: Desk, changes: dict[str, object]) -> None:
    """
    Given a run,
    when checks, gates, limits, outputs or the order of steps are edited,
    then nothing is asked, and everything is judged anew.
    """
    desk.run()
    desk.pipeline(**changes)

    turn = desk.run("--fail-exit-code", "0")

    assert (turn.asked, turn.why) == ([], {})


def test_a_renamed_file_step_or_variant_asks_nothing(desk: Desk) -> None:
    """
    Given a run,
    when a prompt file and a step are renamed and a variant is made of what there was,
    then nothing is asked, as the requests are the same.
    """
    desk.run()
    shutil.move(desk.lab.root / "prompts/note.j2", desk.lab.root / "prompts/memo.j2")
    memo = {"id": "memo", "prompt": "prompts/memo.j2"}
    desk.pipeline(CLASSIFY, REPLY, memo, variants={"plain": {}})

    turn = desk.run()

    assert (turn.asked, turn.why) == ([], {})


def test_more_repeats_buy_the_difference(desk: Desk) -> None:
    """
    Given a run with one repeat,
    when it is run with three,
    then two more are bought of each.
    """
    desk.run("--limit", "1")

    turn = desk.run("--limit", "1", "--repeat", "3")

    assert len(turn.asked) == 6
    steps = "classify", "reply", "note"
    assert turn.why == dict.fromkeys(cells(*steps, rows=["r0 #2", "r0 #3"]), "new repeat")


def test_fresh_answers_are_the_newest_from_then_on(desk: Desk) -> None:
    """
    Given a run,
    when it is run with --fresh against a provider that answers otherwise, then plainly,
    then --fresh asks everything, and afterwards its answers are recalled.
    """
    desk.pipeline(NOTE)
    desk.run("--limit", "1")
    desk.provider.script({"answer": "new"})

    fresh = desk.run("--limit", "1", "--fresh")
    again = desk.run("--limit", "1", "--out", "again.jsonl")

    assert (len(fresh.asked), again.asked) == (1, [])
    assert fresh.why == {("r0", "note"): "--fresh"}
    assert _lines(desk, "again.jsonl")[0]["steps"]["note"]["output"] == "new"


def test_a_step_that_recalls_nothing_is_asked_each_time(desk: Desk) -> None:
    """
    Given a step that says `recall: false`,
    when it is run twice,
    then it alone is asked again.
    """
    desk.pipeline(CLASSIFY, REPLY, {**NOTE, "recall": False})
    desk.run()

    turn = desk.run()

    assert turn.asked == [f"Note tier-{number}." for number in range(4)]
    assert turn.why == dict.fromkeys(cells("note"), "recall: false")


def test_failed_asks_only_for_what_failed(desk: Desk) -> None:
    """
    Given a run in which one row got no answer and one failed its check,
    when `run --failed last` follows,
    then these two are run: the errored one is asked again, the failed one recalled and judged.
    """
    desk.pipeline({**NOTE, "retry": {"max_attempts": 1}, "checks": [{"not-contains": "tier-3"}]})
    desk.provider.script({"user": "tier-1", "status": 500, "first": 1})
    desk.run(expect=1)

    turn = desk.run("--failed", "last", expect=1)

    assert turn.asked == ["Note tier-1."]
    assert turn.why == {("r1", "note"): "no answer before server"}
    assert turn.summary["trials"] == {"passed": 1, "failed": 1, "errored": 0, "skipped": 0}


def test_cost_and_latency_stay_those_of_the_original_call(desk: Desk) -> None:
    """
    Given a run whose answers took their time,
    when it is run again,
    then all is recalled for nothing, and the report has the cost and latency of the day they were bought.
    """
    desk.pipeline(NOTE)
    desk.provider.configure(latency_ms=40)
    bought = desk.run("--out", "bought.jsonl")
    desk.provider.configure(latency_ms=0)

    recalled = desk.run("--out", "recalled.jsonl")

    assert recalled.asked == []
    assert bought.summary["spent_usd"] > 0 == recalled.summary["spent_usd"]
    assert recalled.summary["cost_usd"] == bought.summary["cost_usd"]
    first, second = (_steps_of(_lines(desk, name)) for name in ("bought.jsonl", "recalled.jsonl"))
    assert first == second
    assert all(latency >= 40 for _, latency in second.values())


def test_a_branch_and_back_asks_only_once(desk: Desk) -> None:
    """
    Given a run on one branch and, with an edited prompt, on another,
    when the work goes to and fro between them,
    then each is run from the log.
    """
    git = _git(desk.lab.root)
    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message=first")
    desk.run()
    git("checkout", "--quiet", "-b", "other")
    desk.prompt("note", "Remember {{ tier }}.")
    git("commit", "--quiet", "--all", "--message=second")

    turns = [desk.run()]
    for branch in ("main", "other", "main"):
        git("checkout", "--quiet", branch)
        turns.append(desk.run())

    assert [len(turn.asked) for turn in turns] == [4, 0, 0, 0]
    assert turns[0].why == dict.fromkeys(cells("note"), "template prompts/note.j2")


def test_another_copy_that_shares_the_log_asks_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a run, and another working copy with the same log by PROMPTLAB_DATABASE_URL,
    when the copy is run,
    then nothing is asked; after an edit there, what it changed is, beside the run of the first copy.
    """
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    desk.run()
    shutil.copytree(desk.lab.root, tmp_path / "copy", ignore=shutil.ignore_patterns(".promptlab"))
    monkeypatch.chdir(tmp_path / "copy")
    desk.lab.root = tmp_path / "copy"

    copied = desk.run()
    desk.prompt("note", "Remember {{ tier }}.")
    edited = desk.run()

    assert (copied.asked, len(edited.asked)) == ([], 4)
    assert edited.why == dict.fromkeys(cells("note"), "template prompts/note.j2")


@pytest.mark.parametrize(
    ("edit", "rows", "why"),
    [
        (lambda desk: desk.rows({**ROWS[0], "ticket": "other"}, *ROWS[1:]), ["r0"], "row ticket"),
        (
            lambda desk: desk.write("helpers.py", "def length(text): return len(text) + 1\n"),
            ["r0", "r1", "r2", "r3"],
            "code helpers.py",
        ),
        (
            lambda desk: desk.write("tools/count.py", f"{COUNT}# more\n"),
            ["r0", "r1", "r2", "r3"],
            "code tools/count.py",
        ),
        (lambda desk: desk.write("tools/other.py", ""), [], ""),
        (lambda desk: desk.prompt("note", "Other {{ tier }}."), [], ""),
    ],
)
def test_a_function_that_recalls_is_run_again_where_its_arguments_or_code_changed(
    desk: Desk, edit: Callable[[Desk], None], rows: list[str], why: str
) -> None:
    """
    Given a python step with `recall: true`,
    when its arguments, its file or a project file that it imports is edited, or another file,
    then it is run again for exactly the rows that this changes.
    """
    desk.write("tools/count.py", COUNT)
    desk.write("helpers.py", "def length(text): return len(text)\n")
    count = {
        "id": "count",
        "python": "tools/count.py:count",
        "with": {"text": "{{ ticket }}"},
        "recall": True,
    }
    desk.pipeline(count, NOTE)
    desk.run()
    ran = desk.lab.root / "ran.txt"
    ran.unlink()
    edit(desk)

    turn = desk.run()

    assert (len(ran.read_text().split()) if ran.exists() else 0) == len(rows)
    assert {cell: said for cell, said in turn.why.items() if cell[1] == "count"} == dict.fromkeys(
        cells("count", rows=rows), why
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"recall": True}, {("r0", "fetch"): "row ticket"}),
        ({}, dict.fromkeys(cells("fetch"), "no recall: true")),
    ],
)
def test_a_request_over_http_is_recalled_only_where_the_step_says_so(
    desk: Desk, said: dict[str, bool], expected: dict[Cell, str]
) -> None:
    """
    Given an http step with and without `recall: true`,
    when it is run twice, the second time with another query in one row,
    then the one asks again for that row alone, the other for all.
    """
    http = {"url": f"{desk.provider.base_url}/models", "query": {"q": "{{ ticket }}"}}
    desk.pipeline({"id": "fetch", "http": http, **said})
    desk.run()
    desk.rows({**ROWS[0], "ticket": "other"}, *ROWS[1:])

    turn = desk.run()

    assert (len(turn.requests), turn.why) == (len(expected), expected)


def _lines(desk: Desk, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk.lab.root / name).read_text().splitlines()]


def _steps_of(lines: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    notes = {line["row_id"]: line["steps"]["note"] for line in lines}
    return {row: (note["cost_usd"], note["latency_ms"]) for row, note in notes.items()}


def _git(folder: Path) -> Callable[..., None]:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]

    def git(*arguments: str) -> None:
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)

    return git
