"""`run --explain`: steps inside steps, conversations, lost answers, logs without digests; how it looks."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import StringIO

import pytest
from rich.console import Console
from sqlalchemy import event

from promptlab.cli.explained import show_explained
from promptlab.live.explaining.making import explain_run
from promptlab.live.project_log import open_log
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from promptlab.schemas.explained import Change, Explained
from promptlab.schemas.run import TrialKey
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY
from tests.recall_kit import CLASSIFY, NOTE, REPLY, ROWS, Desk, FirstRuns, cells

PART = {"id": "part", "prompt": "prompts/part.j2"}
JOIN = {"id": "join", "messages": [{"role": "user", "content": "Join {{ part.output }} of {{ item }}."}]}
PARTS = {"id": "parts", "foreach": "[ticket, tier]", "steps": [PART, JOIN]}
ASK = {"id": "ask", "pipeline": "pipelines/other.yaml", "with": {"text": "Tier {{ tier }}"}}
OTHER = {
    "version": 1,
    "inputs": {"text": "string"},
    "steps": [{"id": "draft", "messages": [{"role": "user", "content": "Draft {{ text }}."}]}],
    "outputs": {"draft": "{{ draft.output }}"},
}
FIND = '''\
import helpers

def find(order: str) -> str:
    """Find an order."""
    return helpers.place(order)
'''
CALL = {"text": "", "tool_calls": [{"name": "find", "arguments": {"order": "A1"}, "id": "c1"}]}
TOOLS = {**NOTE, "tools": ["tools/find.py:find"]}


@pytest.fixture
def desk(
    cli: Cli, fake_provider: FakeProvider, first_runs: FirstRuns, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """Give a project that can be edited and run again."""
    monkeypatch.setenv("FAKE_KEY", KEY)
    made = Desk.made(cli, fake_provider, first_runs)
    made.prompt("part", "Part {{ item }}.")
    made.write("pipelines/other.yaml", OTHER)
    return made


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda desk: desk.prompt("part", "Piece {{ item }}."),
            {
                "parts[0].part": "template prompts/part.j2",
                "parts[0].join": "answer of parts.part",
                "parts[1].part": "template prompts/part.j2",
                "parts[1].join": "answer of parts.part",
            },
        ),
        (
            lambda desk: desk.rows({**ROWS[0], "tier": "gold"}),
            {
                "parts[1].part": "row tier",
                "parts[1].join": "row tier",
                "ask.draft": "row tier",
            },
        ),
        (
            lambda desk: desk.pipeline({**PARTS, "foreach": "[ticket, tier, 'more']"}, ASK),
            {"parts[2].part": "new item", "parts[2].join": "new item"},
        ),
        (
            lambda desk: desk.pipeline({**PARTS, "foreach": "[ticket, tier ~ '!']"}, ASK),
            {
                "parts[1].part": "foreach of parts",
                "parts[1].join": "foreach of parts",
            },
        ),
        (
            lambda desk: desk.pipeline(PARTS, {**ASK, "with": {"text": "Of {{ tier }}"}}),
            {"ask.draft": "with of ask"},
        ),
        (
            lambda desk: desk.write(
                "pipelines/other.yaml", {**OTHER, "params": {"top_p": 0.5}, "model": "fake/model-1"}
            ),
            {"ask.draft": "params.max_tokens 50 → unset; params.top_p unset → 0.5"},
        ),
        (
            lambda desk: desk.pipeline({**PARTS, "steps": [PART, JOIN, {**NOTE, "id": "more"}]}, ASK),
            {"parts[0].more": "new step"},
        ),
    ],
)
def test_steps_inside_steps_are_explained_each_by_itself(
    desk: Desk, edit: Callable[[Desk], None], expected: dict[str, str]
) -> None:
    """
    Given a run with a foreach and a called pipeline,
    when a text, an item, the list, what is given or a parameter is edited,
    then the steps inside that it changes are named by their paths, with what changed.
    """
    desk.rows(ROWS[0])
    desk.pipeline(PARTS, ASK)
    desk.run()
    edit(desk)

    turn = desk.run()

    assert turn.why == {("r0", step): why for step, why in expected.items()}
    assert len(turn.asked) == len(expected)


def test_an_item_that_sees_the_one_before_is_asked_because_of_its_answer(desk: Desk) -> None:
    """
    Given items that run in order, each of which is told what the one before gave,
    when another answer to the first is recalled,
    then the second is asked because of that.
    """
    text = "{{ item }} after {{ previous | default('nothing') }}"
    step = {"id": "go", "messages": [{"role": "user", "content": text}]}
    desk.rows(ROWS[0])
    desk.pipeline({"id": "chain", "foreach": "[ticket, tier]", "steps": [step]})
    desk.run()
    _execute(desk, "update completions set text = 'another' where request like '%after nothing%'")

    turn = desk.run()

    assert turn.asked == ["tier-0 after another"]
    assert turn.why == {("r0", "chain[1].go"): "answer of chain.go"}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("helpers.py", "def place(order): return f'{order} is here'\n", "code helpers.py"),
        ("place.txt", "there", "tool what find gave"),
    ],
)
def test_a_turn_after_a_tool_is_explained_by_what_the_tool_gave(
    desk: Desk, path: str, text: str, expected: str
) -> None:
    """
    Given a step whose model calls a tool,
    when the code behind the tool, or what it finds, changes,
    then the first turn is recalled, and the turn after the tool is asked because of it.
    """
    desk.provider.script({"body": r'"role": ?"tool"', "answer": "Done."}, {"answer": CALL})
    desk.write("tools/find.py", FIND)
    desk.write(
        "helpers.py", "from pathlib import Path\ndef place(order): return Path('place.txt').read_text()\n"
    )
    desk.write("place.txt", "here")
    desk.rows(ROWS[0])
    desk.pipeline(TOOLS)
    desk.run()
    desk.write(path, text)

    turn = desk.run()

    assert len(turn.asked) == 1
    assert turn.why == {("r0", "note"): expected}


def test_a_tool_that_is_told_otherwise_is_named(desk: Desk) -> None:
    """
    Given a step with a tool,
    when the description of the tool is edited,
    then the step is asked because of that tool.
    """
    desk.write("helpers.py", "")
    desk.write("tools/find.py", FIND)
    desk.rows(ROWS[0])
    desk.pipeline(TOOLS)
    desk.run()
    desk.write("tools/find.py", FIND.replace("Find an", "Look for an"))

    turn = desk.run()

    assert turn.why == {("r0", "note"): "tool find"}


@pytest.mark.parametrize("text", ["{{ text('notes/a.txt') }}", "{{ file('notes/a.txt') }}"])
def test_a_file_that_a_prompt_reads_or_attaches_is_named(desk: Desk, text: str) -> None:
    """
    Given a prompt that reads or attaches a file,
    when the file is edited,
    then it is named.
    """
    desk.write("notes/a.txt", "one")
    desk.prompt("note", f"Note {text}")
    desk.rows(ROWS[0])
    desk.pipeline(NOTE)
    desk.run()
    desk.write("notes/a.txt", "two")

    turn = desk.run()

    assert turn.why == {("r0", "note"): "file notes/a.txt"}


def test_a_conversation_that_changed_is_named_though_its_answer_did_not(desk: Desk) -> None:
    """
    Given a step that is told the whole conversation of another, which always answers the same,
    when the other's prompt is edited,
    then the first is asked because of these messages.
    """
    desk.provider.script({"user": "Sort|Label", "answer": "billing"})
    again = {"id": "again", "messages": [{"role": "user", "content": "{{ classify.messages }}"}]}
    desk.rows(ROWS[0])
    desk.pipeline(CLASSIFY, again)
    desk.run()
    desk.prompt("classify", "Label {{ ticket }}.")

    turn = desk.run()

    assert turn.why == {
        ("r0", "classify"): "template prompts/classify.j2",
        ("r0", "again"): "answer of classify.messages",
    }


def test_a_step_that_was_skipped_or_had_no_answer_says_so(desk: Desk) -> None:
    """
    Given a run in which one step was skipped and another got no answer,
    when both are asked the next time,
    then it is said that there was no answer before, and why.
    """
    desk.rows(ROWS[0])
    skipped = {**REPLY, "when": "classify.output == 'billing'"}
    desk.provider.script(
        {"user": "Sort", "answer": "other", "first": 1}, {"user": "Note", "status": 400, "first": 1}
    )
    desk.pipeline(CLASSIFY, skipped, NOTE)
    desk.run(expect=1)
    desk.provider.script({"user": "Sort", "answer": "billing"})
    desk.prompt("classify", "Sort {{ ticket }}!")

    turn = desk.run()

    assert turn.why == {
        ("r0", "classify"): "template prompts/classify.j2",
        ("r0", "reply"): "was skipped before",
        ("r0", "note"): "no answer before invalid_request",
    }


def test_an_answer_that_was_deleted_is_missed(desk: Desk) -> None:
    """
    Given a run whose answers are no longer in the log,
    when it is run again,
    then it is asked again because they were deleted.
    """
    desk.rows(ROWS[0])
    desk.pipeline(NOTE)
    desk.run()
    _execute(desk, "delete from completions")

    turn = desk.run()

    assert turn.why == {("r0", "note"): "its answer was deleted"}


def test_what_is_new_says_which_way(desk: Desk) -> None:
    """
    Given a run,
    when a variant with another prompt and a step are added,
    then each says what of it is new.
    """
    desk.rows(ROWS[0])
    desk.prompt("other", "Other {{ tier }}.")
    desk.pipeline(NOTE, variants={"base": {}})
    desk.run()
    desk.pipeline(
        NOTE,
        {**NOTE, "id": "more", "prompt": "prompts/part.j2", "with": {"item": "{{ tier }}"}},
        variants={"base": {}, "new": {"steps": {"note": {"prompt": "prompts/other.j2"}}}},
    )

    turn = desk.run()

    assert turn.why == {("r0", "more"): "new step", ("r0 new", "note"): "new variant"}


def test_a_new_value_of_an_axis_is_no_new_variant(desk: Desk) -> None:
    """
    Given a run of a matrix,
    when an axis gets another value,
    then its cell is called for that.
    """
    desk.rows(ROWS[0])
    desk.pipeline(NOTE, matrix={"params.temperature": [0]})
    desk.run()
    desk.pipeline(NOTE, matrix={"params.temperature": [0, 0.5]})

    turn = desk.run()

    assert set(turn.why.values()) == {"new value of axis temperature"}


def test_the_newest_earlier_run_of_the_step_counts_not_the_last_run(desk: Desk) -> None:
    """
    Given a run of all rows, and one of the first row alone,
    when a prompt is edited and all are run,
    then each row is held against the newest run that had it.
    """
    desk.pipeline(NOTE)
    whole, first = desk.run(), desk.run("--limit", "1")
    desk.prompt("note", "Remember {{ tier }}.")

    turn = desk.run()

    against = {one["row_id"]: one["against"] for one in turn.explained}
    rest = dict.fromkeys(("r1", "r2", "r3"), whole.summary["run_id"])
    assert against == {"r0": first.summary["run_id"], **rest}
    assert turn.why == dict.fromkeys(cells("note"), "template prompts/note.j2")


def test_a_log_without_digests_is_explained_by_its_files(desk: Desk) -> None:
    """
    Given a run by a version that put no digests of sources on record,
    when a prompt, an include and a row are edited,
    then they are named all the same, by the files and rows that are on record.
    """
    desk.run()
    _execute(
        desk,
        "update step_runs set template_digest = null, includes_digest = null,"
        " row_digest = null, code_digest = null",
    )
    desk.prompt("note", "Remember {{ tier }}.")
    desk.prompt("style", "Be kind.")
    desk.rows({**ROWS[0], "ticket": "other"}, *ROWS[1:])

    turn = desk.run()

    assert {cell: why for cell, why in turn.why.items() if cell[0] == "r0"} == {
        ("r0", "classify"): "include prompts/style.j2; row ticket",
        ("r0", "reply"): "row ticket",
        ("r0", "note"): "template prompts/note.j2",
    }


@pytest.mark.parametrize("rows", [20, pytest.param(1_000, marks=pytest.mark.thorough)])
def test_one_cause_is_one_line(desk: Desk, rows: int) -> None:
    """
    Given a run of many rows,
    when a prompt is edited and `run --explain` shows why,
    then one line says it for all, with the first rows, and `--explain` twice says it of each.
    """
    desk.rows(*({"id": f"r{n}", "ticket": f"t{n}", "tier": f"x{n}"} for n in range(rows)))
    desk.pipeline(NOTE)
    desk.cli("run", "desk")
    desk.prompt("note", "Remember {{ tier }}.")

    said = desk.cli("run", "desk", "--explain", "--note", "a change")
    desk.prompt("note", "Recall {{ tier }}.")
    each = desk.cli("run", "desk", "--explain", "--explain", "--limit", "3")
    nothing = desk.cli("run", "desk", "--explain", "--limit", "3")

    assert said.out.splitlines()[-3:] == [
        f"{rows:,} calls, and why",
        "step  called  why                       rows",
        f"note  {rows:>6,}  template prompts/note.j2  r0, r1, r2, r3, r4, …",
    ]
    assert each.out.splitlines()[-4:] == [
        "row  step  why",
        "r0   note  template prompts/note.j2",
        "r1   note  template prompts/note.j2",
        "r2   note  template prompts/note.j2",
    ]
    assert nothing.out.splitlines()[-1] == "nothing was called: all that was asked had its answer on record"


def test_the_table_of_many_causes_is_cut() -> None:
    """
    Given 25 calls, each with a cause of its own, in two variants,
    when they are shown, and once more each by itself,
    then the table has 20 lines and says how many it left out; by itself each has its line.
    """
    told = [
        Explained(
            trial=TrialKey(row=n, row_id=f"r{n}", cell="few", variant="few"),
            step="note",
            changes=(Change("file", f"images/{n}.png"),),
        )
        for n in range(25)
    ]

    grouped, each = (_shown(told, said=said) for said in (1, 2))

    assert len(grouped) == 1 + 1 + 20 + 1
    assert grouped[2].split() == ["note", "1", "file", "images/0.png", "r0", "few"]
    assert grouped[-1] == "and 5 more causes; --explain twice shows every call"
    assert (len(each), each[-1].split()) == (26, ["r24", "few", "note", "file", "images/24.png"])


def _shown(told: list[Explained], *, said: int) -> list[str]:
    stream = StringIO()
    show_explained(Console(file=stream, width=80), told, ["base", "few"], said=said)
    return stream.getvalue().splitlines()


def test_many_steps_take_few_queries(desk: Desk) -> None:
    """
    Given two runs of 200 rows, between which a prompt was edited,
    when it is explained why 400 steps were asked, half of them because of an answer before,
    then the log is asked a few dozen questions, not one for each.
    """
    desk.rows(*({"id": f"r{n}", "ticket": f"t{n}", "tier": f"x{n}"} for n in range(200)))
    desk.pipeline(CLASSIFY, REPLY)
    desk.cli("run", "desk")
    desk.prompt("classify", "Label {{ ticket }}.")
    run = desk.cli("run", "desk", "--json").json["run_id"]
    project = open_project(str(desk.lab.root))
    loaded = load_pipeline(project.files, "pipelines/desk.yaml", project.targets())
    queries = []

    with open_log(project) as log:
        event.listen(log.engine, "before_cursor_execute", lambda *query: queries.append(query[2]))
        told = list(explain_run(log, run, loaded.cells, fresh=False))

    assert len(told) == 400
    assert len(queries) < 40


def test_json_says_what_changed_value_by_value(desk: Desk) -> None:
    """
    Given a run,
    when a parameter is edited and `run --json --explain` follows,
    then the object of the run lists each step that was called, with old and new value and the run before;
    without --explain it has no such list.
    """
    desk.rows(ROWS[0])
    desk.pipeline(NOTE)
    before = desk.run()

    turn = desk.run("--set", "params.max_tokens=9", "--set", "params.top_p=0.5")
    plain = desk.cli("run", "desk", "--json")

    assert turn.explained == [
        {
            "row": 0,
            "row_id": "r0",
            "variant": "base",
            "axes": {},
            "repeat": 0,
            "step": "note",
            "check": None,
            "against": before.summary["run_id"],
            "changes": [
                {"cause": "params", "what": "params.max_tokens", "old": 50, "new": 9},
                {"cause": "params", "what": "params.top_p", "new": 0.5},
            ],
        }
    ]
    assert "explained" not in plain.json


def _execute(desk: Desk, sql: str) -> None:
    with closing(sqlite3.connect(desk.lab.log_path)) as connection, connection:
        connection.execute(sql)
