"""`promptlab resume`: an interrupted run is finished under its own id, as if nothing had happened."""

import json
import random
import re
import resource
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import promptlab
from promptlab.cli.result import warnings
from promptlab.core.errors import UsageError
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab, asked_for, ended, interrupt, paid
from tests.resume_kit import (
    IN_FLIGHT,
    NOTES,
    RICH,
    assert_same,
    killed,
    reports,
    resume_here,
    resumed,
    run_here,
)

ROWS = 40
RISK = 0.000279  # USD of a call at worst
RECORDED = "select text, request from completions"
PLACED = "  say, fake/model-1: 3 attempts for 3 rows (r0, r1, r2), at most $0.00084"


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    found = Lab(tmp_path / "lab", fake_provider.base_url)
    found.write_rows(ROWS)
    return found


@pytest.fixture
def any_lab(tmp_path: Path, fake_provider: FakeProvider, database: str | None) -> Lab:
    """A lab with its log in its own file, and one with it in PostgreSQL."""
    found = Lab(tmp_path / "lab", fake_provider.base_url, database=database)
    found.write_rows(ROWS)
    return found


@pytest.fixture
def twin(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    """Give a project like `lab` with a log of its own, whose run nobody interrupts."""
    found = Lab(tmp_path / "twin", fake_provider.base_url)
    found.write_rows(ROWS)
    return found


def test_a_run_killed_at_any_moment_is_finished_as_if_it_had_not_been(
    any_lab: Lab, twin: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run of two variants that is killed, and whose resumes are killed, each time a little further,
    when it is resumed once more,
    then there is one run, all its reports equal those of an uninterrupted one, no answer that was on record
    at a kill was asked for again, and what is of unknown outcome was in flight.
    """
    lab = any_lab
    for each in (lab, twin):
        each.write_pipeline(variants={"warm": {}, "cold": {"params": {"temperature": 0, "max_tokens": 50}}})
    twin.run()
    fake_provider.reset()
    fake_provider.configure(latency_ms=15, jitter_ms=20)
    kills = []
    for command in (["run", "words"], ["resume", "last"], ["resume", "last"]):
        killed(lab, fake_provider, random.randint(1, 25), *command)
        kills.append((recorded(lab), fake_provider.sent_count))

    end = resumed(lab)

    bodies = [request.body for request in fake_provider.requests()]
    asked = [(body["messages"][-1]["content"], body.get("temperature")) for body in bodies]
    assert (end.code, end.summary["status"], end.summary["trials"]["passed"]) == (0, "passed", 2 * ROWS)
    assert_same(reports(lab), reports(twin))
    assert lab.query('select count(*), sum(planned), sum("left") from runs') == [(1, 2 * ROWS, 0)]
    for kept, sent in kills:
        assert kept.isdisjoint(asked[sent:])
    assert lab.query("select count(*) from completions") == [(2 * ROWS,)]
    assert lab.states()["unknown"] <= 3 * IN_FLIGHT
    assert lab.states().keys() == {"received", "unknown"}


def recorded(lab: Lab) -> set[tuple[str, float | None]]:
    """Give the answers that are on record, each with the temperature that was asked for."""
    return {(text, json.loads(request)["params"].get("temperature")) for text, request in lab.query(RECORDED)}


def test_steps_inside_steps_tools_and_python_go_on_where_they_were(
    lab: Lab, twin: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a pipeline with a python step, a foreach and a step with a tool, killed twice on the way,
    when it is resumed,
    then its reports equal those of an uninterrupted run, and no function that was on record ran again.
    """
    tool = {"text": "", "tool_calls": [{"name": "look", "arguments": {"word": "it"}, "id": "c1"}]}
    script = ({"body": r'"role": ?"tool"'}, {"body": r'"tools": ?\[', "answer": tool})
    fake_provider.script({**script[0], "answer": "it is word-0000."}, script[1])
    for each in (lab, twin):
        each.write("tools/notes.py", NOTES)
        each.write_rows(12)
        each.write_pipeline(**RICH)
    twin.run()
    fake_provider.configure(latency_ms=20)
    killed(lab, fake_provider, 12, "run", "words")
    killed(lab, fake_provider, 10, "resume", "last")
    kept = [text for (text,) in lab.query("select text from completions where provider = 'python'")]
    before = functions_that_ran(lab)

    end = resumed(lab)

    after = functions_that_ran(lab)
    assert end.code == 1  # the check fails in all rows but one
    assert_same(reports(lab), reports(twin))
    assert kept
    assert {returned: after[returned] for returned in kept} == {text: before[text] for text in kept}
    assert after.keys() == {"it is a word", *(json.dumps({"word": f"word-{row:04}."}) for row in range(12))}
    assert lab.query("select count(*) - count(distinct fingerprint) from completions") == [(0,)]


def functions_that_ran(lab: Lab) -> Counter[str]:
    """Count what functions are known to have returned, by the notes that they left."""
    returned = {"notes.txt": '{{"word": "{}"}}', "looks.txt": "{} is a word"}
    files = ((lab.root / name, text) for name, text in returned.items())
    return Counter(
        text.format(word) for file, text in files if file.exists() for word in file.read_text().splitlines()
    )


def test_rows_that_ask_the_same_are_counted_as_they_would_have_been(
    lab: Lab, twin: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given rows that ask for the same, a run over part of them before, and a run that is killed,
    when that is resumed,
    then as many calls were sent and recalled as in an uninterrupted run.
    """
    for each in (lab, twin):
        each.write("data/rows.jsonl", "\n".join(json.dumps({"word": f"w{row % 15}"}) for row in range(60)))
        run_here(each, limit=5)
    twin.run()
    fake_provider.configure(latency_ms=20)
    killed(lab, fake_provider, 6, "run", "words")

    resume_here(lab)

    calls, wanted = (reports(each)["json"]["calls"] for each in (lab, twin))
    assert calls == wanted == {"sent": 10, "recalled": 50}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_was_interrupted_says_how_to_resume_it(
    lab: Lab, twin: Lab, fake_provider: FakeProvider, number: signal.Signals, code: int
) -> None:
    """
    Given a run that a signal ended,
    when the command that it said is given,
    then it goes on without any call twice, and its report equals that of a whole run, spending included.
    """
    twin.run()
    fake_provider.reset()
    fake_provider.configure(latency_ms=100)
    fake_provider.script({"nth": [5, 6, 7, 8], "fault": "hold"})
    run = lab.start("run", "words", "--max-concurrency", "4")
    fake_provider.wait_for_requests(8)
    interrupt(run, number)
    run.until_said("for the calls in flight")
    fake_provider.script()
    end = ended(run)
    fake_provider.configure(latency_ms=0)
    said = re.search(r"this goes on: promptlab (resume \w+)", end.out)
    assert said is not None

    again = lab.command(*said[1].split(), "--json")

    assert (end.code, again.code) == (code, 0)
    assert fake_provider.sent_count == len(set(asked_for(fake_provider.requests()))) == ROWS
    assert_same(reports(lab), reports(twin))
    assert again.summary["calls"] == {"sent": ROWS, "attempts": ROWS, "recalled": 0}
    assert again.summary["spent_usd"] == pytest.approx(paid(fake_provider))
    assert again.summary["seconds"] > 0.1


def test_a_limit_of_cost_is_the_runs_and_must_be_raised(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that its limit of cost ended,
    when it is resumed as it is, then under a higher limit, then under one that is high enough,
    then the first sends nothing more, no limit is passed by the whole run, and the last ends well.
    """
    stopped = run_here(lab, max_cost=0.0004, max_concurrency=1)
    sent = fake_provider.sent_count
    same = resume_here(lab)
    assert fake_provider.sent_count == sent

    more = resume_here(lab, max_cost=0.0005, max_concurrency=1)
    spent = paid(fake_provider)
    rest = resume_here(lab, max_cost=1.0)

    assert [one.exit_code for one in (stopped, same, more, rest)] == [4, 4, 4, 0]
    assert f"promptlab resume {same.run_id} --max-cost USD goes on under a higher limit" in "".join(
        warnings(same)
    )
    assert same.seconds >= stopped.seconds
    assert more.spent_usd == pytest.approx(spent)
    assert 0.00015 < spent <= 0.0005
    assert fake_provider.sent_count == len(set(asked_for(fake_provider.requests()))) == ROWS
    assert rest.trials["passed"] == ROWS


@pytest.mark.parametrize("limits", [{"requests": 15}, {"total_tokens": 350}])
def test_other_limits_count_over_all_parts(
    lab: Lab, fake_provider: FakeProvider, limits: dict[str, int]
) -> None:
    """
    Given a run that a limit of its pipeline ended,
    when it is resumed, and then run again by the command that was said,
    then the first sends nothing, and the second goes on by recall.
    """
    lab.write_pipeline(limits=limits)
    run_here(lab, max_concurrency=1)
    sent = fake_provider.sent_count

    end = resume_here(lab)
    again = lab.command(*(end.command or "").split()[1:])

    assert (end.exit_code, end.calls.sent) == (4, sent)
    assert again.code in (0, 4)
    assert fake_provider.sent_count > sent
    assert len(set(asked_for(fake_provider.requests()))) == fake_provider.sent_count


def test_unknown_attempts_keep_their_place_in_the_limits(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that was killed with calls in flight, under a limit of cost,
    when it is resumed,
    then what those may have cost counts in the limit, and in the summary beside what was spent.
    """
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, IN_FLIGHT, "run", "words", "--max-cost", "0.0026")
    fake_provider.script()

    end = resume_here(lab, max_concurrency=1)

    risk = IN_FLIGHT * RISK
    assert end.exit_code == 4
    assert risk < (end.most_spent_usd or 0.0) <= 0.0026
    assert end.most_spent_usd == pytest.approx(risk + paid_for_answers(fake_provider))
    assert end.spent_usd == pytest.approx(paid_for_answers(fake_provider))


def paid_for_answers(provider: FakeProvider) -> float:
    usages = [one.usage for one in provider.requests() if one.usage is not None and one.fault is None]
    return sum(usage["input_tokens"] + 2 * usage["output_tokens"] for usage in usages) / 1e6


def test_attempts_of_unknown_outcome_are_listed_with_their_money(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run that was killed with three calls in flight,
    when it is shown, and resumed with `--on-unknown fail`, and resumed again with `retry`,
    then each says how many there are, of which model and what they may have cost; only the last asks again,
    and what was paid for certain is told apart from what may have been.
    """
    lab.write_rows(3)
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 3, "run", "words")
    fake_provider.script()

    shown = lab.command("runs", "show", "last")
    listed = json.loads(lab.command("runs", "show", "last", "--json").out)["unknown_attempts"]
    refused = lab.command("resume", "last", "--on-unknown", "fail")
    sent = fake_provider.sent_count
    asked = lab.command("resume", "last", "--on-unknown", "retry", "--json")
    stored = lab.command("report", "last", "--format", "json")

    assert "3 attempts of unknown outcome, at most $0.00084" in shown.out
    assert f"\n{PLACED}\n" in shown.out
    assert [(one["model"], one["reserved_usd"]) for one in listed] == [("fake/model-1", RISK)] * 3
    assert [(one["steps"], one["row_ids"]) for one in listed] == [(["say"], [f"r{n}"]) for n in range(3)]
    assert (
        "3 attempts of unknown outcome, at most $0.00084, not asked again (--on-unknown fail):" in refused.err
    )
    assert (refused.code, sent) == (1, 3)
    assert "3 attempts of unknown outcome, at most $0.00084, asked again:" in asked.err
    assert PLACED in asked.err
    assert (asked.code, fake_provider.sent_count) == (0, 6)
    for said in (asked.summary, json.loads(stored.out)):
        assert (
            said["spent_usd"]
            == pytest.approx(said["metrics"]["spent_usd"])
            == pytest.approx(said["cost_usd"])
        )
        assert said["at_risk_usd"] == pytest.approx(3 * RISK)
    assert lab.query("select status, errored, passed, sent, attempts from runs") == [("passed", 0, 3, 3, 6)]


def test_what_a_run_that_ended_left_in_doubt_is_told_by_its_steps(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run of three rows of which each first request is reset after it left,
    when it ends, and is shown after a prompt was edited,
    then both say of which step and rows the attempts of unknown outcome are.
    """
    lab.write_rows(3)
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "retry": {"initial": 0.001, "jitter": 0}}])
    fake_provider.script({"first": 3, "fault": "reset-before-headers"})

    ended = lab.command("run", "words")
    as_json = lab.command("run", "words", "--fresh", "--json")
    lab.write("prompts/say.j2", "Tell {{ word }}")
    shown = lab.command("runs", "show", "--", ended.out.split("run ")[-1].split()[0])

    assert (ended.code, as_json.code) == (0, 0)
    assert PLACED in ended.out.splitlines()
    assert PLACED in shown.out.splitlines()
    assert "unknown outcome" not in as_json.err


def test_a_lost_network_is_waited_out(lab: Lab, twin: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run whose provider cannot be reached any more half-way,
    when it is there again and the run is resumed,
    then all rows end, and no call was sent twice.
    """
    step: dict[str, Any] = {**PIPELINE["steps"][0], "retry": {"initial": 0.01, "max_attempts": 2}}
    for each in (lab, twin):
        each.write_pipeline(steps=[step])
    twin.run()
    fake_provider.reset()
    fake_provider.script({"nth": 12, "fault": "refuse", "seconds": 3_600})

    lost = run_here(lab, max_concurrency=1)
    fake_provider.refuse(0)
    while resume_here(lab).exit_code:
        time.sleep(0.3)

    assert lost.exit_code in (1, 3)
    assert lost.trials["passed"] >= 11
    again = {text: times for text, times in Counter(asked_for(fake_provider.requests())).items() if times > 1}
    assert again == {"Say word-0011.": 2}
    assert reports(lab)["markdown"] == reports(twin)["markdown"]
    assert lab.query("select count(*) from completions") == [(ROWS,)]


def test_trials_that_errored_are_run_again_in_their_places(
    lab: Lab, twin: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run in which some calls were refused by the provider,
    when it is resumed and all are answered,
    then only those are asked again, and the report equals that of a run without trouble but for the attempts.
    """
    twin.run()
    fake_provider.reset()
    fake_provider.script({"user": "word-000[3-5]", "status": 400})
    first = run_here(lab)
    fake_provider.script()

    end = resume_here(lab)

    assert f"3 trials errored; this runs them again: promptlab resume {end.run_id}" in warnings(first)
    assert (first.exit_code, end.exit_code) == (1, 0)
    assert fake_provider.sent_count == ROWS + 3
    assert end.trials == {"passed": ROWS}
    assert_same(reports(lab), reports(twin))
    assert lab.query("select passed, errored, left, sent, attempts from runs") == [
        (ROWS, 0, 0, ROWS, ROWS + 3)
    ]
    assert lab.query("select count(*) from step_runs") == [(ROWS,)]


def test_errored_trials_that_a_resume_does_not_come_to_stay_errored(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run of which three trials errored, under a limit that is used up,
    when it is resumed,
    then it ends with 4, and says, as the log does, that they are errored still.
    """
    lab.write_rows(10)
    lab.write_pipeline(limits={"requests": 10})
    fake_provider.script({"user": "word-000[3-5]", "status": 400})
    run_here(lab)
    before = reports(lab)

    end = resume_here(lab)

    assert end.exit_code == 4
    assert end.trials == {"passed": 7, "errored": 3}
    assert reports(lab)["jsonl"] == before["jsonl"]
    assert lab.query("select passed, errored, left from runs") == [(7, 3, 0)]


def test_a_complete_run_is_shown_and_nothing_is_called(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given runs that came to their ends, one with failed checks,
    when they are resumed, the file of the second having changed,
    then each says so, gives its exit code and its reports, and nothing is called.
    """
    lab.write_rows(4)
    run_here(lab)
    sent = fake_provider.sent_count
    passed = lab.command("resume", "last", "--json", "--out", "rows.jsonl")
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "checks": [{"contains": "never"}]}])
    run_here(lab)
    lab.write("prompts/say.j2", "Speak {{ word }}")

    failed = lab.command("resume", "last", "--fail-exit-code", "9")

    assert (passed.code, failed.code) == (0, 9)
    assert re.search(r"run \w+ is complete: nothing is left to do", failed.err)
    assert passed.summary["trials"]["passed"] == 4
    assert len((lab.root / "rows.jsonl").read_text().splitlines()) == 4
    assert fake_provider.sent_count == sent


def test_reports_of_a_resumed_run_have_all_its_rows(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that was killed,
    when it is resumed with reports to write,
    then these have the rows from before the kill too.
    """
    fake_provider.configure(latency_ms=20)
    killed(lab, fake_provider, 20, "run", "words")

    lab.command(
        "resume", "last", "--out", "rows.jsonl", "--out", "rows.csv", "--out", "all.json", "--out", "all.md"
    )

    lines = [json.loads(line) for line in (lab.root / "rows.jsonl").read_text().splitlines()]
    assert sorted(line["row"] for line in lines) == list(range(ROWS))
    assert len((lab.root / "rows.csv").read_text().splitlines()) == ROWS + 1
    assert len(json.loads((lab.root / "all.json").read_text())["results"]) == ROWS
    assert "40 passed; 40 calls, 0 recalled" in (lab.root / "all.md").read_text()


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["--limit", "1"], {}),
        (["--limit", "7", "--repeat", "2", "--set", "params.temperature=0.5", "--note", "a try"], {}),
        (["-i", "word=hello"], {}),
        (["--where", "word < 'word-0009'", "--variant", "cold", "--model", "fake/model-2"], {}),
        (["--tag", "odd"], {}),
        ([], {"PROMPTLAB_MODEL": "fake/model-3"}),
    ],
)
def test_the_options_of_the_run_are_those_of_its_resume(
    lab: Lab, fake_provider: FakeProvider, options: list[str], environment: dict[str, str]
) -> None:
    """
    Given a run with options, or a model from the environment, that was killed before its first answer,
    when it is resumed without any of them,
    then what is asked is what was asked before, and as much as was planned.
    """
    rows = [{"word": f"word-{row:04}.", "$tags": ["odd"] if row % 2 else []} for row in range(16)]
    lab.write("data/rows.jsonl", "\n".join(map(json.dumps, rows)))
    pipeline: dict[str, Any] = {**PIPELINE, "variants": {"warm": {}, "cold": {}}}
    if environment:
        del pipeline["model"]
    lab.write("pipelines/words.yaml", pipeline)
    lab.write(".env", "".join(f"{name}={value}\n" for name, value in environment.items()))
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 1, "run", "words", *options)
    lab.write(".env", "")
    planned = lab.query("select planned from runs")[0][0]
    before = len(fake_provider.requests())
    fake_provider.script()

    end = resumed(lab)

    asked = [json.dumps(one.body, sort_keys=True) for one in fake_provider.requests()]
    assert end.code == 0, end.err
    assert end.summary["trials"]["passed"] == planned
    assert set(asked[:before]) <= set(asked[before:])
    assert lab.query("select count(*), count(distinct note) from runs")[0][0] == 1


IMAGE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + bytes(20)
WITH_FILES: dict[str, Any] = {
    "inputs": {"word": "string", "shot": "image"},
    "steps": [
        {"id": "note", "python": "tools/notes.py:note", "with": {"word": "{{ word }}"}},
        {
            "id": "say",
            "prompt": "prompts/files.j2",
            "output": {"schema": "schemas/said.json"},
            "on_error": "skip",
        },
    ],
}
CHANGES = {
    "pipelines/words.yaml": lambda lab: lab.write_pipeline(**WITH_FILES, description="another"),
    "prompts/files.j2": lambda lab: lab.write("prompts/files.j2", "Another {{ word }}"),
    "prompts/part.j2": lambda lab: lab.write("prompts/part.j2", "Another part"),
    "prompts/guide.txt": lambda lab: lab.write("prompts/guide.txt", "Another guide"),
    "data/rows.jsonl": lambda lab: lab.write_rows(4),
    "schemas/said.json": lambda lab: lab.write("schemas/said.json", {"type": "object"}),
    "tools/notes.py": lambda lab: lab.write("tools/notes.py", NOTES + "\n"),
    "promptlab.yaml": lambda lab: lab.write(
        "promptlab.yaml",
        (lab.root / "promptlab.yaml").read_text().replace('"input": 1.0', '"input": 1.5'),
    ),
    "data/shot.png": lambda lab: (lab.root / "data/shot.png").write_bytes(IMAGE + b"x"),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_file_that_has_changed_is_named_and_the_resume_refused(
    lab: Lab, fake_provider: FakeProvider, path: str
) -> None:
    """
    Given a killed run that was made from files of all kinds, and one of them that has changed since,
    when it is resumed, and when that file is gone,
    then it exits 2, names the file alone and the command that goes on by recall, and nothing is sent.
    """
    lab.write("tools/notes.py", NOTES)
    lab.write("prompts/part.j2", "A part")
    lab.write("prompts/guide.txt", "A guide")
    lab.write("schemas/said.json", {"type": "object", "properties": {"a": {"type": "string"}}})
    lab.write(
        "prompts/files.j2",
        "{% include 'part.j2' %} {{ text('prompts/guide.txt') }} {{ word }} {{ image(shot) }}",
    )
    (lab.root / "data/shot.png").write_bytes(IMAGE)
    rows = (json.dumps({"word": f"w{row}", "shot": "data/shot.png"}) for row in range(6))
    lab.write("data/rows.jsonl", "\n".join(rows))
    lab.write_pipeline(**WITH_FILES)
    fake_provider.configure(latency_ms=50)
    killed(lab, fake_provider, 6, "run", "words")
    sent = fake_provider.sent_count

    CHANGES[path](lab)
    with pytest.raises(UsageError, match=rf"run \w+ cannot be resumed: {path} has changed$") as changed:
        resume_here(lab)
    (lab.root / path).unlink()
    with pytest.raises(UsageError, match=rf"run \w+ cannot be resumed: {path} is gone$"):
        resume_here(lab)

    again = "`promptlab run pipelines/words.yaml --max-concurrency 8` gets there by recall"
    assert again in (changed.value.hint or "")
    assert fake_provider.sent_count == sent
    assert lab.query("select status from runs") == [("interrupted",)]


def test_a_new_file_among_the_data_is_named(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a killed run over files that match a pattern, and another one that matches it now,
    when it is resumed,
    then it is refused, and names the new file.
    """
    lab.write_pipeline(dataset="data/*.jsonl")
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 2, "run", "words")
    lab.write("data/more.jsonl", '{"word": "more"}')

    with pytest.raises(UsageError, match=r"cannot be resumed: data/more\.jsonl is new"):
        resume_here(lab)


def test_another_address_of_the_provider_is_named(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a killed run, and a provider whose address comes from the environment and is another one now,
    when it is resumed,
    then it is refused, and names the model.
    """
    settings = json.loads((lab.root / "promptlab.yaml").read_text())
    settings["providers"]["fake"]["base_url"] = "${WHERE}"
    lab.write("promptlab.yaml", settings)
    lab.write(".env", f"WHERE={fake_provider.base_url}\n")
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 2, "run", "words")
    lab.write(".env", "WHERE=http://127.0.0.1:9/v1\n")

    end = lab.command("resume", "last")

    assert end.code == 2
    assert "cannot be resumed: fake/model-1 was asked at " in end.err


def test_limits_and_rates_of_the_settings_may_change(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that was stopped by the limit of promptlab.yaml,
    when that is raised, and the provider's concurrency changed, and the run resumed,
    then it goes on.
    """
    settings = json.loads((lab.root / "promptlab.yaml").read_text())
    lab.write("promptlab.yaml", {**settings, "limits": {"cost_usd": 0.0005}})
    stopped = run_here(lab, max_concurrency=1)
    settings["providers"]["fake"]["max_concurrency"] = 7
    lab.write("promptlab.yaml", {**settings, "limits": {"cost_usd": 1}})

    end = resume_here(lab)

    assert (stopped.exit_code, end.exit_code) == (4, 0)
    assert "this goes on once the limit is raised: promptlab resume " in "".join(warnings(stopped))
    assert fake_provider.sent_count == ROWS


def test_a_run_is_resumed_by_one_process_at_a_time(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that is running,
    when it is resumed, and after its end by three processes at once,
    then the first is refused with the process's id, one of the three goes on, and no call is sent twice.
    """
    fake_provider.script({"fault": "hold"})
    run = lab.start("run", "words", "--max-concurrency", "2")
    fake_provider.wait_for_requests(2)
    early = lab.command("resume", "last")
    interrupt(run)
    run.until_said("for the calls in flight")
    fake_provider.script()
    ended(run)
    fake_provider.configure(latency_ms=100)

    racers = [lab.start("resume", "last", "--max-concurrency", "8") for _ in range(3)]
    ends = [ended(racer) for racer in racers]

    assert early.code == 2
    assert re.search(rf"run \w+ is still running, in process {run.pid}\n", early.err), early.err
    codes = sorted(end.code for end in ends)
    assert codes in ([0, 2, 2], [0, 0, 2], [0, 0, 0])  # who comes late finds it complete
    assert sum("is complete" not in end.err for end in ends if end.code == 0) == 1
    assert all("still running, in process" in end.err for end in ends if end.code == 2)
    assert fake_provider.sent_count == len(set(asked_for(fake_provider.requests()))) == ROWS


def test_a_fresh_run_recalls_only_its_own(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given answers from an earlier run, and a fresh run that is killed,
    when that is resumed,
    then it asks for what it has not bought itself, and for that alone.
    """
    run_here(lab)
    fake_provider.reset()
    fake_provider.configure(latency_ms=20)
    killed(lab, fake_provider, 20, "run", "words", "--fresh")
    own = lab.query("select count(*) from completions")[0][0] - ROWS
    sent = fake_provider.sent_count

    end = resume_here(lab)

    assert 0 < own < ROWS
    assert fake_provider.sent_count - sent == ROWS - own
    assert (end.calls.recalled, end.calls.sent) == (0, ROWS)


def test_a_run_that_lost_its_disk_goes_on_when_there_is_room(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run whose log could not grow any more on the way,
    when it is resumed with more room,
    then it ends well under its id, and no answer that was on record is asked for again.
    """
    lab.run(limit=1)
    room = lab.log_path.stat().st_size + 200_000
    fake_provider.reset()
    fake_provider.script({"answer": "word " + "x" * 4000})
    lab.write_pipeline(params={"max_tokens": 2000})
    full = lab.command(
        *("run", "words", "--max-concurrency", "1"),
        preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    recorded, sent = lab.query("select count(*) from completions")[0][0] - 1, fake_provider.sent_count

    end = resume_here(lab)

    assert full.code == 3
    assert 1 < recorded < ROWS
    assert (end.exit_code, end.trials) == (1, {"failed": ROWS})
    assert fake_provider.sent_count - sent == ROWS - recorded
    assert lab.query("select status, failed from runs order by id")[1:] == [("failed", ROWS)]


def test_a_resume_that_fails_leaves_the_run_to_be_resumed(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a killed run,
    when it is resumed without the provider's key, and then with it,
    then the first sends nothing and ends with 2, and the second finishes the run.
    """
    fake_provider.configure(latency_ms=20)
    killed(lab, fake_provider, 10, "run", "words")
    sent = fake_provider.sent_count

    keyless = lab.command("resume", "last", "--json", key=None)
    end = resume_here(lab)

    assert (keyless.code, end.exit_code) == (2, 0)
    assert "FAKE_KEY" in keyless.err
    assert fake_provider.sent_count >= ROWS > sent
    assert lab.query("select status, passed from runs") == [("passed", ROWS)]
    assert not list((lab.root / ".promptlab/runs").iterdir())


def test_what_failed_in_a_run_is_run_alone_and_resumed_alone(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which two trials failed and one errored, and a run of these alone that was killed,
    when that is resumed, and once more after the first has been resumed too,
    then the three are run and no others, and in the end it is refused, as they are not known any more.
    """
    fake_provider.script({"user": "word-000[12]", "answer": "no"}, {"user": "word-0003", "status": 400})
    first = run_here(lab)
    fake_provider.reset()
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 1, "run", "words", "--failed", "last")
    fake_provider.script()

    end = resume_here(lab)
    asked = asked_for(fake_provider.requests())
    fake_provider.script({"user": "word-000", "status": 400})
    again = run_here(lab, failed=first.run_id, fresh=True)
    fake_provider.script()
    resume_here(lab, first.run_id)

    assert end.trials == {"passed": 1, "failed": 2}
    assert set(asked) == {"Say word-0003."}
    with pytest.raises(UsageError, match="the run that --failed names has been resumed since"):
        resume_here(lab, again.run_id)


def test_what_a_git_change_touched_is_run_and_resumed_alone(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run since a commit after which three rows were edited, killed at its first call,
    when it is resumed although that edit has been committed since,
    then the three are run and no others.
    """
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "rows"]):
        committed(lab, *words)
    rows = (lab.root / "data/rows.jsonl").read_text(encoding="utf-8")
    for number in range(3):
        rows = rows.replace(f"word-000{number}", f"edited-{number}")
    lab.write("data/rows.jsonl", rows)
    fake_provider.script({"fault": "hang"})
    killed(lab, fake_provider, 1, "run", "words", "--since", "HEAD")
    fake_provider.script()
    committed(lab, "commit", "-qam", "edits")

    end = resume_here(lab)

    assert end.trials == {"passed": 3}
    assert set(asked_for(fake_provider.requests())) == {f"Say edited-{number}." for number in range(3)}


def committed(lab: Lab, *words: str) -> None:
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *settings, *words], cwd=lab.root, check=True)


def test_resume_from_python(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run from Python with options, stopped by its limit,
    when it is resumed from Python,
    then its report has all rows, and each was asked for once.
    """
    stopped = run_here(lab, where="word < 'word-0030'", max_cost=0.0006, max_concurrency=1)

    report = promptlab.resume(stopped.run_id[:20], project=lab.root, max_cost=1.0)

    assert (stopped.exit_code, report.summary.exit_code) == (4, 0)
    assert report.summary.run_id == stopped.run_id
    assert [trial.status for trial in report.trials()] == ["passed"] * 30
    assert fake_provider.sent_count == 30
