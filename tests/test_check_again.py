"""`promptlab check`: a stored run judged by the checks as they are now, and answers from anywhere."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab

RUBRIC = {"llm-rubric": "is {{ word }}"}
GOOD = json.dumps({"reason": "Good.", "pass": True, "score": 1})


def put(cli: Cli, name: str, text: str) -> None:
    (cli.folder / name).write_text(text)


def answers(cli: Cli, *lines: Mapping[str, object], checks: object = None, **options: str) -> Any:
    """Judge answers; give the exit code and the lines of the result."""
    put(cli, "answers.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    given = []
    if checks is not None:
        put(cli, "checks.yaml", json.dumps(checks))
        given = ["--checks", "checks.yaml"]
    ended = cli("check", "--outputs", "answers.jsonl", *given, "--out", "result.jsonl", *options.values())
    found = [json.loads(line) for line in (cli.folder / "result.jsonl").read_text().splitlines()]
    return ended, found


def statuses(trial: Mapping[str, Any]) -> list[str]:
    return [check["status"] for check in trial["checks"]]


def test_answers_from_anywhere_are_judged_in_their_order(cli: Cli) -> None:
    """
    Given answers of all kinds, with columns and checks of their own,
    when they are judged,
    then each has a line, in order, with its verdicts.
    """
    ended, found = answers(
        cli,
        {"output": "a refund", "label": "refund", "$id": "first"},
        {"output": {"a": 1}, "label": "no", "$checks": ["is-json", {"equals": {"a": 1}}]},
        {"output": None, "label": "null"},
        {"output": "{{ label }} \x00 \ud800 \x1b[31m", "label": "x" * 1000},
        checks=[{"contains": "{{ label }}"}],
    )

    assert ended.code == 1
    assert [trial["row_id"] for trial in found] == ["first", "1", "2", "3"]
    assert [trial["status"] for trial in found] == ["passed", "failed", "passed", "failed"]
    assert statuses(found[1]) == ["failed", "passed", "passed"]
    assert found[3]["outputs"] == "{{ label }} \x00 \ud800 \x1b[31m"


def test_a_malformed_check_of_a_line_stops_nothing_else(cli: Cli) -> None:
    """
    Given a line one of whose checks is none,
    when it is judged,
    then that one is errored, at its place, and the others judge.
    """
    own = ["is-json", {"nonsense": 1}, {"type": "contains"}, {"contains": "1"}, {"python": "x.py:f"}]

    ended, (trial,) = answers(cli, {"output": "[1]", "$checks": own}, checks=[{"contains": "["}])

    assert ended.code == 1
    assert statuses(trial) == ["passed", "passed", "errored", "errored", "passed", "errored"]
    assert trial["checks"][2]["reason"].startswith("nonsense: unknown check 'nonsense'")


@pytest.mark.parametrize(
    ("own", "kind"),
    [({"contains": "x"}, "a map"), ("is-json", "text"), (7, "a number"), (False, "true or false")],
)
def test_checks_of_a_line_that_are_no_list_stop_nothing_else(cli: Cli, own: object, kind: str) -> None:
    """
    Given a line whose `$checks` are no list,
    when it is judged with others,
    then it is errored and says so, behind the verdicts of the other checks.
    """
    lines: list[dict[str, object]] = [{"output": "x", "$checks": own}, {"output": "x", "$checks": None}]

    ended, found = answers(cli, *lines, checks=[{"contains": "x"}])

    assert ended.code == 1
    assert [trial["status"] for trial in found] == ["errored", "passed"]
    assert [check["name"] for check in found[0]["checks"]] == ["contains", "$checks"]
    assert found[0]["checks"][1]["reason"] == f"`$checks` must be a list of checks, not {kind}"


ASKED = {"role": "user", "content": "?"}
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "1", "content": "it"}
SAID = {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    ("known", "turns"),
    [
        ({}, 1),
        ({"tool_calls": [{"name": "look"}]}, None),
        ({"messages": [ASKED]}, 1),
        ({"messages": [SAID, ASKED, CALLED, TOLD, SAID]}, 2),
        ({"messages": [ASKED, CALLED, TOLD, CALLED, TOLD]}, 3),
        ({"messages": [ASKED, CALLED, TOLD, SAID], "tool_calls": [CALL]}, 2),
        ({"messages": [ASKED], "tool_calls": [CALL]}, None),
        ({"messages": "none of a chat"}, 1),
        ({"messages": [{"role": 7}, 8]}, 1),
        ({"messages": [TOLD, {"role": "assistant", "tool_calls": 7}, SAID]}, 2),
    ],
)
def test_turns_of_an_answer_are_known_from_its_messages(
    cli: Cli, known: Mapping[str, object], turns: int | None
) -> None:
    """
    Given an answer with or without the chat that it stands in,
    when its turns are judged,
    then they are those behind the last message of the user; where tools were called in none, nobody knows.
    """
    _, (trial,) = answers(cli, {"output": "x", **known}, checks=[{"turns": turns or 1}, {"contains": "x"}])

    assert statuses(trial) == ["errored" if turns is None else "passed", "passed"]


def test_calls_of_tools_are_those_of_the_messages(cli: Cli) -> None:
    """
    Given an answer whose messages call a tool,
    when it is judged,
    then the call is judged and shown, by the step `answer`.
    """
    line = {"output": "x", "messages": [ASKED, CALLED, TOLD, SAID], "latency_ms": 3}

    _, (trial,) = answers(cli, line, checks=[{"tools-called": ["look"]}])

    assert statuses(trial) == ["passed"]
    assert list(trial["steps"]) == ["answer"]
    assert trial["steps"]["answer"]["tool_calls"] == [{"name": "look", "arguments": {}}]
    assert trial["steps"]["answer"]["latency_ms"] == 3


def test_a_rubric_of_a_line_without_any_judge_stops_nothing_else(cli: Cli) -> None:
    """
    Given a line with a rubric and nothing that says who judges,
    when it is judged,
    then that check is errored, and the others judge.
    """
    rubric: object = [{"llm-rubric": "is kind"}, {"contains": "x"}]

    ended, found = answers(cli, {"output": "x", "$checks": rubric}, {"output": "[]", "$checks": ["is-json"]})

    assert ended.code == 1
    assert [statuses(trial) for trial in found] == [["errored", "passed"], ["passed"]]
    assert found[0]["checks"][0]["reason"].startswith("nothing says which model judges")


def test_what_is_known_of_a_call_is_judged(cli: Cli) -> None:
    """
    Given an answer with its cost, latency and logprobs and one without,
    when both are judged by them,
    then the second cannot be judged.
    """
    _, found = answers(
        cli,
        {"output": "a", "latency_ms": 10, "cost_usd": 0.5, "finish_reason": "stop", "logprobs": [-0.5, 0]},
        {"output": "a"},
        checks=[{"latency": 20}, {"cost": 0.1}, {"perplexity": 2}],
    )

    assert statuses(found[0]) == ["passed", "failed", "passed"]
    assert statuses(found[1]) == ["errored", "errored", "errored"]
    assert found[0]["cost_usd"] == 0.5
    assert found[1]["cost_usd"] is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"x": 1}', "1:1: error: there is no `output`; null is one"),
        ("[1]", "1:1: error: an answer is a map with `output`, not a list"),
        ('{"output": NaN}', "1:12: error: NaN is no JSON value"),
        ('{"output": 1\n{"output": 2}', "1:13: error: expected , or }"),
        ('{"output": 1}\r\n{"output": 1e999}\r\n', "2:12: error: the number is too large"),
        ('{"output": "a", "output": "b"}', "1:17: error: duplicate key 'output'"),
        ('{"output": {"a": 1, "a": 2}}', "1:21: error: duplicate key 'a'"),
        ('{"output": "\\u0000", "x": 1, "x": 2}', "1:1: error: is not JSON: a key is written twice"),
        ('{"output": "\\ud800", "x": }', "1:27: error: is not JSON: Expecting value"),
        ('{"output": 1, "$id": ""}', "1:1: error: its id is empty"),
        ('{"output": 1, "id": 7}\n{"output": 1, "id": "7"}', "2:1: error: another line has the id '7'"),
        ('{"output": 1, "latency_ms": -1}', "1:1: error: `latency_ms` must be a number from 0, not '-1'"),
        (
            '{"output": 1, "logprobs": ["a"]}',
            """1:1: error: `logprobs` must be a list of numbers, not '["a"]'""",
        ),
        (
            '{"output": 1, "tool_calls": [{"nam": "search"}]}',
            '1:1: error: `tool_calls` must be a list of maps, each with a name, not \'[{"nam": ',
        ),
        ('{"output": 1, "$check": []}', "1:1: error: unknown key '$check'"),
    ],
)
def test_a_line_that_is_no_answer_is_refused_before_all(cli: Cli, line: str, problem: str) -> None:
    """
    Given a file with a line that is none,
    when it is to be judged,
    then the line is told, exit 2, and nothing is written.
    """
    put(cli, "answers.jsonl", line)

    ended = cli("check", "--outputs", "answers.jsonl", "--out", "result.jsonl")

    assert ended.code == 2
    assert f"answers.jsonl:{problem}" in ended.err
    assert not (cli.folder / "result.jsonl").exists()


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ("- contians: x", "checks.yaml:1:13: error: checks.contians: unknown check 'contians'"),
        ("- contains: '{{ lable }}'", "'lable' is not defined"),
        ("steps: []", "checks.yaml:1:1: error: unknown key 'steps'"),
        ("- llm-rubric: is kind", "nothing says which model judges"),
    ],
)
def test_wrong_checks_are_told_at_their_line(cli: Cli, checks: str, problem: str) -> None:
    """
    Given a file of checks with a fault,
    when answers are to be judged by it,
    then it is told, exit 2.
    """
    put(cli, "answers.jsonl", '{"output": "x", "label": "y"}')
    put(cli, "checks.yaml", checks)

    ended = cli("check", "--outputs", "answers.jsonl", "--checks", "checks.yaml")

    assert ended.code == 2
    assert problem in ended.err


def test_answers_without_checks_are_not_judged(cli: Cli) -> None:
    """
    Given answers and no check anywhere,
    when they are judged,
    then it says so and ends with 0, and makes no log.
    """
    ended, (trial,) = answers(cli, {"output": "a"})

    assert ended.code == 0
    assert "nothing was checked" in ended.out
    assert trial["checks"] == []
    assert not (cli.folder / ".promptlab" / "lab.db").exists()


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    found = Lab(tmp_path, fake_provider.base_url)
    found.write(".env", "FAKE_KEY=fake-test-key\n")
    fake_provider.script({"body": "judge-1", "answer": GOOD})
    return found


def with_checks(*checks: object) -> list[dict[str, Any]]:
    return [{"id": "say", "prompt": "prompts/say.j2", "checks": list(checks)}]


def test_judges_of_answers_are_recorded_without_a_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given answers judged by a model,
    when they are judged twice,
    then the judge is asked once for each, and the log has no run.
    """
    lab.write("answers.jsonl", '{"output": "a", "word": "kind"}\n{"output": "b", "word": "kind"}\n')
    lab.write("checks.yaml", {"judge": "fake/judge-1", "checks": [RUBRIC]})
    command = ("check", "--outputs", "answers.jsonl", "--checks", "checks.yaml", "--json")

    first, second = lab.command(*command).summary, lab.command(*command).summary

    assert first["calls"] == {"sent": 2, "attempts": 2, "recalled": 0}
    assert second["calls"] == {"sent": 0, "attempts": 0, "recalled": 2}
    assert first["run_id"] is None
    assert len(fake_provider.requests()) == 2
    assert lab.query("select count(*) from runs") == [(0,)]
    assert lab.states() == {"received": 2}


def test_a_stored_run_is_judged_by_edited_checks(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run whose prompt and checks were edited since,
    when it is judged again,
    then its answers are judged by the new checks, only the judge is asked, and the run stays as it was.
    """
    lab.write_rows(3)
    before = lab.run()
    sent = len(fake_provider.requests())
    lab.write("prompts/say.j2", "Sing {{ word }}")
    lab.write_pipeline(
        steps=with_checks({"contains": "Sing"}, {"contains": "Say"}, RUBRIC), judge="fake/judge-1"
    )

    ended = lab.command("check", "last", "--json", "--out", "r.jsonl")

    lines = [json.loads(line) for line in (lab.root / "r.jsonl").read_text().splitlines()]
    assert ended.code == 1
    assert ended.summary["run_id"] == before.run_id
    assert [statuses(line) for line in lines] == [["failed", "passed", "passed"]] * 3
    assert [request.body["model"] for request in fake_provider.requests()[sent:]] == ["judge-1"] * 3
    assert ended.summary["spent_usd"] > 0
    assert lab.query("select id, passed from runs") == [(before.run_id, 3)]


def test_labels_are_those_of_now_where_the_inputs_are_the_same(lab: Lab) -> None:
    """
    Given a run, a label that was corrected since, and a row whose input was edited,
    when it is judged again,
    then the label counts, and the edited row is judged as it was answered.
    """
    check = {"contains": "{{ label }}"}
    rows = [{"id": "a", "word": "x", "label": "z"}, {"id": "b", "word": "y", "label": "Say y"}]
    lab.write_pipeline(steps=with_checks(check), dataset=rows)
    lab.run()
    rows = [{"id": "a", "word": "x", "label": "Say x"}, {"id": "b", "word": "q", "label": "Say q"}]
    lab.write_pipeline(steps=with_checks(check), dataset=rows)

    ended = lab.command("check", "last", "--json")

    assert ended.summary["trials"] == {"passed": 2, "failed": 0, "errored": 0, "skipped": 0}


def test_checks_inside_loops_and_called_pipelines_are_judged_again(lab: Lab) -> None:
    """
    Given a run of a loop and a called pipeline with checks inside,
    when these are edited and it is judged again,
    then each item is judged by them without a call.
    """

    loop = {"id": "each", "foreach": "['a', 'b']", "as": "item", "steps": []}
    steps = [
        {**loop, "steps": [{"id": "one", "messages": [{"role": "user", "content": "{{ item }}"}]}]},
        {"id": "called", "pipeline": "pipelines/inner.yaml", "with": {"word": "{{ word }}"}},
    ]
    inner = {"version": 1, "inputs": {"word": "string"}, "steps": with_checks()}
    lab.write("pipelines/inner.yaml", inner)
    lab.write_rows(1)
    lab.write_pipeline(steps=steps)
    lab.run()
    steps[0]["steps"][0]["checks"] = [{"equals": "{{ item }}"}]  # type: ignore[index]
    lab.write_pipeline(steps=steps)
    lab.write("pipelines/inner.yaml", {**inner, "steps": with_checks({"contains": "Say {{ word }}"})})

    ended = lab.command("check", "last", "--json", "--out", "r.jsonl")

    (line,) = (json.loads(text) for text in (lab.root / "r.jsonl").read_text().splitlines())
    judged = {check["step"]: check["status"] for check in line["checks"]}
    assert judged == {"each[0].one": "passed", "each[1].one": "passed", "called.say": "passed"}
    assert ended.summary["calls"]["sent"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say either RUN or --outputs FILE"),
        (["last", "--outputs", "x.jsonl"], "say either RUN or --outputs FILE"),
        (["last", "--checks", "c.yaml"], "a stored run is judged by the checks of its pipeline"),
        (["--outputs", "none.jsonl"], "none.jsonl: no such file"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, arguments: Sequence[str], said: str) -> None:
    """
    Given options that do not go together,
    when the command is called,
    then it says so, exit 2.
    """
    ended = cli("check", *arguments)

    assert ended.code == 2
    assert said in ended.err


def test_a_cell_that_is_gone_is_named(lab: Lab) -> None:
    """
    Given a run of a variant that the pipeline has no more,
    when it is judged again,
    then it is refused by name.
    """
    lab.write_rows(1)
    lab.write_pipeline(variants={"old": {}})
    lab.run()
    lab.write("pipelines/words.yaml", PIPELINE)

    ended = lab.command("check", "last")

    assert ended.code == 2
    assert "the cell 'old'" in ended.err


def test_a_number_that_is_too_large_is_no_json_and_ends_no_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model that answers with a number beyond all bounds,
    when it is run and judged again,
    then the step is errored with the reason, and nothing breaks off.
    """
    lab.write_rows(2)
    lab.write_pipeline(steps=[{"id": "say", "prompt": "prompts/say.j2", "output": "json"}])
    fake_provider.script({"user": "0000", "answer": "[1e999]"}, {"answer": "[1]"})

    ended = lab.command("run", "words", "--json", "--out", "r.jsonl")

    lines = map(json.loads, (lab.root / "r.jsonl").read_text().splitlines())
    found = {line["row"]: line for line in lines}
    assert ended.code == 1
    assert [found[row]["status"] for row in (0, 1)] == ["errored", "passed"]
    assert "the number 1e999 is too large" in found[0]["steps"]["say"]["error"]


def test_what_a_judge_said_that_is_no_verdict_is_asked_for_again_by_fresh_alone(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run of which a judge gave no verdict for one row, and the model no answer for another,
    when it is run, shown and judged again,
    then each is told what helps it, and that does.
    """
    lab.write_rows(3)
    lab.write_pipeline(steps=with_checks(RUBRIC), judge="fake/judge-1")
    fake_provider.script(
        {"body": "judge-1.*word-0001", "answer": "hm"},
        {"body": "judge-1", "answer": GOOD},
        {"user": "word-0002", "status": 400},
    )

    ran = lab.command("run", "words")
    shown = lab.command("runs", "show", "last")
    fake_provider.script({"body": "judge-1", "answer": GOOD})
    fresh = lab.command("check", "last", "--fresh", "--json")

    (run_id,) = (row[0] for row in lab.query("select id from runs"))
    unread = (
        "1 trial errored over what a judge said, which is recalled; this asks judges again: "
        f"promptlab check {run_id} --fresh\n"
    )
    resumed = f"1 trial errored; this runs them again: promptlab resume {run_id}\n"
    assert resumed + unread in ran.out
    assert resumed + unread in shown.out
    assert fresh.summary["trials"] == {"passed": 2, "failed": 0, "errored": 1, "skipped": 0}


SHARES = """\
def shares(trials, planned):
    print("counting")
    order = [trial["row"] for trial in trials]
    passed = sum(trial["status"] == "passed" for trial in trials)
    return {"passed": passed / planned, "sorted": int(order == [0, 1, 2])}
"""


def test_functions_over_all_trials_are_called_with_the_new_verdicts(lab: Lab) -> None:
    """
    Given a run with a metric of a function, a gate on it, and checks that were edited since,
    when it is judged again,
    then the function sees the new verdicts, and the gate goes by them.
    """
    lab.write_rows(3)
    lab.write("tools/shares.py", SHARES)
    metrics = [{"name": "shares", "python": "tools/shares.py:shares"}]
    gates = [{"metric": "shares.passed", "min": 0.5}]
    lab.write_pipeline(steps=with_checks({"contains": "Say"}), metrics=metrics, gates=gates)
    lab.run()
    lab.write_pipeline(steps=with_checks({"contains": "word-0001"}), metrics=metrics, gates=gates)

    ended = lab.command("check", "last", "--json")
    refused = lab.command("check", "last", "--no-python")

    assert ended.summary["metrics"]["shares.passed"] == pytest.approx(1 / 3)
    assert ended.summary["metrics"]["shares.sorted"] == 1
    assert (ended.code, ended.summary["gates"][0]["status"]) == (1, "failed")
    assert ended.summary["gates"][0]["value"] == pytest.approx(1 / 3)
    assert refused.code == 2
