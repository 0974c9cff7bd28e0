"""Recordings: what a run used is written as files, and a replay of those calls nothing."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from promptlab import run as run_pipeline
from promptlab.core.errors import UsageError
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY
from tests.recording_kit import Studio, without_times
from tests.web_kit import says, service

TOOLS = """\
def find(order: int) -> dict:
    if order == 13:
        raise ValueError("no such order")
    return {"order": order, "state": "sent"}


def shout(text: str) -> str:
    return text.upper()


def is_right(output) -> bool:
    return True


def count(trials) -> int:
    return len(trials)
"""
SAY = {"id": "say", "prompt": "prompts/say.j2"}


@pytest.fixture
def studio(cli: Cli, fake_provider: FakeProvider) -> Studio:
    return Studio.made(cli, fake_provider)


def test_a_replay_of_what_was_recorded_calls_nothing(studio: Studio) -> None:
    """
    Given a run that recorded,
    when it is replayed without key and log,
    then it passes, all is recalled, and the files were marked as generated.
    """
    recorded = studio.record()

    replayed = studio.replay()

    assert recorded.json["recorded"] == {"new": 3, "changed": 0, "unchanged": 0}
    assert len(studio.files) == 3
    assert replayed.json["calls"] == {"sent": 0, "attempts": 0, "recalled": 3}
    assert replayed.json["trials"]["passed"] == 3
    assert (studio.lab.root / "recordings/.gitattributes").read_text() == "* linguist-generated\n"


def test_what_the_log_knows_is_recorded_without_a_call(studio: Studio) -> None:
    """
    Given answers in the log alone,
    when a run records,
    then they are written without a call, and again not at all.
    """
    studio.command("run", "words", key=KEY)

    first = studio.record().json
    second = studio.record().json

    assert (first["calls"]["sent"], first["recorded"]["new"]) == (0, 3)
    assert second["recorded"] == {"new": 0, "changed": 0, "unchanged": 3}


def test_a_live_run_takes_recordings_before_it_calls(studio: Studio) -> None:
    """
    Given recordings, and a log that knows nothing,
    when the pipeline is planned and run live,
    then all is recalled.
    """
    studio.record()
    studio.forget()

    plan = studio.command("plan", "words", "--json", key=KEY).json
    live = studio.command("run", "words", "--json", key=KEY).json

    assert (plan["total"]["call"], plan["total"]["recall"]) == (0, 3)
    assert live["calls"] == {"sent": 0, "attempts": 0, "recalled": 3}


def test_what_lacks_is_told_with_its_cell_its_difference_and_what_records_it(studio: Studio) -> None:
    """
    Given recordings, and an edit of the prompt and of the number of rows,
    when the pipeline is replayed,
    then it is a 2 that lists each cell, shows what differs, and names the command.
    """
    studio.record()
    studio.lab.write("prompts/say.j2", "Say loudly {{ word }}")

    said = studio.replay(expect=2)
    text = studio.command("run", "words", "--mode", "replay", expect=2).out

    first = said.json["unrecorded"][0]
    assert {one["row_id"] for one in said.json["unrecorded"]} == {"r0", "r1", "r2"}
    assert (first["cell"], first["step"], first["model"]) == ("base", "say", "fake/model-1")
    assert first["difference"][-2:] == ["-  Say word-0000.", "+  Say loudly word-0000."]
    assert said.json["command"] == "promptlab recordings update pipelines/words.yaml"
    assert "resume" not in text
    assert "3 trials left; nothing was called" in text
    assert "row 0 (r0) base step say: fake/model-1" in text
    assert "promptlab recordings update pipelines/words.yaml" in text


def test_a_stored_replay_names_what_records_the_rest(studio: Studio) -> None:
    """
    Given a replay that lacked answers,
    when the run is shown later,
    then it says what records them, not that it can be resumed.
    """
    studio.replay(expect=2)

    shown = studio.command("runs", "show", "last")

    assert "promptlab recordings update pipelines/words.yaml" in shown.out
    assert "resume" not in shown.out


def test_a_replay_goes_on_with_what_is_recorded(studio: Studio) -> None:
    """
    Given recordings of two rows of three,
    when all are replayed,
    then two pass, one is left, and it is a 2.
    """
    studio.record("--limit", "2")

    said = studio.replay(expect=2)

    assert said.json["trials"]["passed"] == 2
    assert [one["row_id"] for one in said.json["unrecorded"]] == ["r2"]


def test_a_resumed_replay_stays_one(studio: Studio) -> None:
    """
    Given a replay that lacked an answer, which is recorded since,
    when it is resumed without a key,
    then it finishes, and nothing is called.
    """
    studio.record("--limit", "2")
    studio.replay(expect=2)
    run_id = studio.command("runs", "list", "--json").json["runs"][0]["run_id"]
    studio.record()
    before = len(studio.provider.requests())

    resumed = studio.command("resume", run_id, "--json").json

    assert resumed["trials"]["passed"] == 3
    assert len(studio.provider.requests()) == before


def test_what_a_replay_cannot_mean_is_refused(studio: Studio) -> None:
    """
    Given a pipeline,
    when it is replayed with --fresh, or run in a mode that there is not,
    then that is a usage error.
    """
    studio.record()

    fresh = studio.replay("--fresh", expect=2)

    assert "--fresh asks anew, and a replay asks nobody" in fresh.err
    with pytest.raises(UsageError, match="mode must be"):
        run_pipeline("pipelines/words.yaml", mode="again")  # type: ignore[arg-type]


def test_python_replays_too(studio: Studio) -> None:
    """
    Given recordings,
    when the pipeline is replayed from Python,
    then nothing is called.
    """
    studio.record()
    before = len(studio.provider.requests())

    report = run_pipeline("pipelines/words.yaml", mode="replay")

    assert report.summary.trials["passed"] == 3
    assert len(studio.provider.requests()) == before


def test_the_reports_of_a_recording_run_and_its_replay_agree(studio: Studio) -> None:
    """
    Given checks of cost, latency and perplexity, repeats, and judges with votes,
    when the run is recorded and replayed,
    then the summaries and all trials are the same but for ids and times.
    """
    studio.provider.script({"body": "judge", "answer": '{"reason": "so", "pass": true, "score": 0.5}'})
    judged = {"type": "llm-rubric", "value": "is kind", "votes": 3, "severity": "warn"}
    checks = [{"cost": 0.01}, {"latency": 60_000}, {"finish-reason": "stop"}, judged]
    studio.lab.write_pipeline(steps=[{**SAY, "checks": checks}], repeat=2, judge="fake/judge")

    recorded = studio.record("--out", "a.jsonl")
    replayed = studio.replay("--out", "b.jsonl")

    assert without_times(recorded.json) == without_times(replayed.json)
    assert _trials(studio, "a.jsonl") == _trials(studio, "b.jsonl")
    assert replayed.json["calls"]["recalled"] == 3 * 2 * 4


def _trials(studio: Studio, name: str) -> list[Any]:
    lines = (studio.lab.root / name).read_text().split("\n")
    found = [without_times(json.loads(line)) for line in lines if line]
    return sorted(found, key=lambda trial: (trial["row"], trial["repeat"]))


def _tooled(studio: Studio, order: int) -> None:
    studio.lab.write("tools/desk.py", TOOLS)
    call = {"id": "c1", "name": "find", "arguments": {"order": order}}
    calls = {"answer": {"text": "", "tool_calls": [call]}}
    studio.provider.script({"body": r'"role": ?"tool"', "answer": "It is word-0000."}, calls)
    studio.lab.write_rows(1)
    studio.lab.write_pipeline(
        steps=[{**SAY, "tools": ["tools/desk.py:find"], "checks": [{"contains": "is"}]}]
    )


@pytest.mark.parametrize("order", [12, 13])
def test_what_tools_gave_or_raised_is_recorded(studio: Studio, order: int) -> None:
    """
    Given a model that calls a tool, which gives something or raises,
    when the run is recorded, and replayed where the tool may not run,
    then the conversation is the same, and its walk knows it.
    """
    _tooled(studio, order)
    studio.record()

    replayed = studio.replay("--no-python")
    check = studio.command("recordings", "check", "words", "--json").json

    assert replayed.json["trials"]["passed"] == 1
    assert len(studio.files) == 3
    assert check["pipelines"][0]["missing"] == []
    assert any("no such order" in file.read_text() for file in studio.files) == (order == 13)


def test_python_steps_run_in_a_replay_unless_it_may_not(studio: Studio) -> None:
    """
    Given a step of the project's python,
    when the run is replayed with and without leave to run it,
    then it runs, or its recorded output serves.
    """
    studio.lab.write("tools/desk.py", TOOLS)
    shout = {"id": "shout", "python": "tools/desk.py:shout", "with": {"text": "{{ say.output }}"}}
    studio.lab.write_pipeline(steps=[SAY, shout])
    studio.record()

    run, served = studio.replay(), studio.replay("--no-python", "--out", "a.jsonl")
    studio.lab.write("tools/desk.py", TOOLS.replace("upper", "title"))
    changed, lacking = studio.replay(), studio.replay("--no-python", expect=2)

    assert all(said.json["trials"]["passed"] == 3 for said in (run, served, changed))
    assert {one["step"] for one in lacking.json["unrecorded"]} == {"shout"}


def test_recording_again_leaves_files_whose_times_alone_differ(studio: Studio) -> None:
    """
    Given recordings of a model and of a python step, which is run each time,
    when all is recorded again,
    then no file has changed, so that branches that both record do not conflict.
    """
    studio.lab.write("tools/desk.py", TOOLS)
    shout = {"id": "shout", "python": "tools/desk.py:shout", "with": {"text": "{{ say.output }}"}}
    studio.lab.write_pipeline(steps=[SAY, shout])
    studio.record()
    before = {path: path.read_bytes() for path in studio.files}

    again = studio.record()

    assert {path: path.read_bytes() for path in studio.files} == before
    assert again.json["recorded"]["unchanged"] == len(before) == 6


def test_a_python_step_that_raised_is_replayed_as_it_did(studio: Studio) -> None:
    """
    Given a python step that raises, and is excused,
    when the run is recorded, and replayed where it may not run,
    then it is excused again.
    """
    studio.lab.write("tools/desk.py", TOOLS)
    find = {"id": "find", "python": "tools/desk.py:find", "with": {"order": "{{ 13 }}"}, "on_error": "skip"}
    studio.lab.write_pipeline(steps=[SAY, find])
    studio.record("--out", "a.jsonl")

    studio.replay("--no-python", "--out", "b.jsonl")

    assert _trials(studio, "a.jsonl") == _trials(studio, "b.jsonl")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"checks": [{"python": "tools/desk.py:is_right"}]}, "is_right"),
        ({"checks": [{"all-of": [{"python": "tools/desk.py:is_right"}]}]}, "is_right"),
        ({"metrics": [{"name": "n", "python": "tools/desk.py:count"}]}, "count"),
    ],
)
def test_python_that_judges_is_refused_by_name(
    studio: Studio, changes: Mapping[str, Any], named: str
) -> None:
    """
    Given a check or a metric in python,
    when the pipeline is replayed without leave to run python,
    then it is refused, naming the function.
    """
    studio.lab.write("tools/desk.py", TOOLS)
    studio.lab.write_pipeline(**changes)
    studio.record()

    said = studio.replay("--no-python", expect=2)

    assert f"tools/desk.py:{named}" in said.err


def test_a_fallback_is_replayed_as_it_was(studio: Studio) -> None:
    """
    Given a model that fails for good, and a fallback that answers,
    when the run is recorded and replayed,
    then the fallback's recorded answer serves.
    """
    studio.provider.script({"body": '"model": ?"broken"', "status": 500})
    once = {"retry": {"max_attempts": 1}}
    studio.lab.write_pipeline(steps=[{**SAY, **once, "model": "fake/broken", "fallback": ["fake/model-1"]}])
    studio.record()

    replayed = studio.replay()

    assert replayed.json["trials"]["passed"] == 3
    assert studio.command("recordings", "check", "words", "--json").json["pipelines"][0]["stale"] == []


def test_steps_inside_others_are_replayed(studio: Studio) -> None:
    """
    Given a foreach and a sub-pipeline,
    when the run is recorded and replayed,
    then all that was asked inside them is recalled.
    """
    part = {"id": "part", "messages": [{"role": "user", "content": "{{ item }} of {{ word }}"}]}
    each = {"id": "each", "foreach": "['a', 'b']", "steps": [part]}
    sub = {"id": "sub", "pipeline": "pipelines/inner.yaml", "with": {"word": "{{ word }}"}}
    studio.lab.write("pipelines/inner.yaml", {"version": 1, "inputs": {"word": "string"}, "steps": [SAY]})
    studio.lab.write_pipeline(steps=[each, sub])
    studio.record()

    replayed = studio.replay()

    assert replayed.json["calls"] == {"sent": 0, "attempts": 0, "recalled": 9}


def test_any_text_and_images_are_replayed(studio: Studio) -> None:
    """
    Given an answer with NUL, a lone surrogate and odd line ends, and an image in the prompt,
    when the run is recorded and replayed,
    then the output is the same; the image is named by its hash alone.
    """
    studio.provider.script({"answer": "a\0b\ud800c\u2028d\r\ne word"})
    pixel = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    (studio.lab.root / "data/dot.png").write_bytes(bytes.fromhex(pixel))
    studio.lab.write("prompts/say.j2", "{{ image('data/dot.png') }} {{ word }}")
    studio.lab.write_pipeline(steps=[{**SAY, "checks": [{"contains": "word"}]}])
    studio.record("--out", "a.jsonl")

    studio.replay("--out", "b.jsonl")

    assert _trials(studio, "a.jsonl") == _trials(studio, "b.jsonl")
    assert all("sha256" in file.read_text() for file in studio.files)


def test_a_damaged_recording_is_found_before_any_call(studio: Studio) -> None:
    """
    Given a recording that was cut, and rows that are not answered yet,
    when the pipeline is run live or replayed, or its recordings are checked,
    then it is a 2 that names the place, and nothing is called.
    """
    studio.record("--limit", "1")
    [file] = studio.files
    file.write_text(file.read_text()[:-20])
    before = len(studio.provider.requests())

    live = studio.command("run", "words", "--json", key=KEY, expect=2)
    replayed = studio.replay(expect=2)
    checked = studio.command("recordings", "check", expect=2)

    place = f"recordings/words/{file.parent.name}/{file.name}:"
    assert all(place in said.err for said in (live, replayed, checked))
    assert "take it away, and `promptlab recordings update` writes it anew" in replayed.err
    assert len(studio.provider.requests()) == before


def test_what_is_too_large_to_be_read_again_is_not_written(studio: Studio) -> None:
    """
    Given an answer of so many lines that its file would have more than a recording may,
    when a run records,
    then it is a 3 that says so and what to do, and what is recorded can still be read.
    """
    studio.lab.write_pipeline(params={})
    studio.provider.script({"user": "0001", "answer": "a\n" * 1_000_000})

    said = studio.record("--max-concurrency", "1", expect=3)

    assert "MB, of 10 at most" in said.err
    assert "max_tokens" in said.err
    assert len(studio.files) == 1
    studio.replay("--limit", "1")


def test_a_pipeline_with_another_name_is_told_where_its_recordings_are(studio: Studio) -> None:
    """
    Given a pipeline that was recorded, and then given another name,
    when it is replayed,
    then it is a 2 that says which folder to move.
    """
    studio.record()
    studio.lab.write_pipeline(name="new words")
    studio.forget()

    said = studio.command("run", "words", "--mode", "replay", expect=2)

    assert "git mv recordings/words 'recordings/new words'" in said.out + said.err


def test_a_file_in_the_way_ends_the_run_and_loses_nothing(studio: Studio) -> None:
    """
    Given a file where the folder of recordings must be,
    when a run records,
    then it is a 3 that names the path, and what was paid is in the log.
    """
    studio.lab.write("recordings", "in the way")

    said = studio.record(expect=3)

    assert str(studio.lab.root / "recordings/words") in said.err
    assert studio.lab.bought()


def test_an_http_step_is_replayed(studio: Studio) -> None:
    """
    Given a step that fetches something,
    when the run is recorded and replayed,
    then the body comes from its recording.
    """
    with service(says("sent"), says("lost")) as web:
        http = {"method": "GET", "url": f"{web.url}/state", "query": {"q": "{{ word }}"}}
        studio.lab.write_pipeline(steps=[{"id": "fetch", "http": http}])
        studio.record("--out", "a.jsonl")

        studio.replay("--out", "b.jsonl")

    assert len(web.journal) == 3
    assert _trials(studio, "a.jsonl") == _trials(studio, "b.jsonl")


def test_who_compares_outputs_is_replayed_and_never_stale(studio: Studio) -> None:
    """
    Given a `select-best` across variants,
    when the run is recorded, replayed, checked and pruned,
    then all comparisons are recalled, and none of their recordings is taken away.
    """
    studio.provider.script({"body": "judge", "answer": '{"reason": "so", "best": 1}'})
    metrics = [{"name": "best", "select-best": "is kind"}]
    studio.lab.write("prompts/more.j2", "Say more of {{ word }}")
    variants = {"a": {}, "b": {"steps": {"say": {"prompt": "prompts/more.j2"}}}}
    studio.lab.write_pipeline(judge="fake/judge", variants=variants, metrics=metrics)
    recorded = studio.record()
    there = len(studio.files)

    replayed = studio.replay()
    checked = studio.command("recordings", "check", "--json").json
    studio.command("recordings", "prune", "--yes")

    assert without_times(recorded.json) == without_times(replayed.json)
    assert checked["pipelines"][0]["stale"] is None
    assert len(studio.files) == there > 6


def test_what_is_recorded_can_be_looked_at(studio: Studio) -> None:
    """
    Given a replayed run of two steps, and no log before,
    when a trial is shown, explained and rendered,
    then its answers and messages are there.
    """
    reply = {"id": "reply", "messages": [{"role": "user", "content": "Of {{ say.output }}"}]}
    studio.lab.write_pipeline(steps=[SAY, reply])
    studio.record()

    explained = studio.replay("--explain")
    shown = studio.command("runs", "show", "last", "--row", "0").out
    rendered = studio.command("render", "words", "--step", "reply").out

    assert explained.json["explained"] == []
    assert "Say word-0000." in shown
    assert "Of " in rendered


def test_an_update_records_all_and_says_what_is_stale(studio: Studio) -> None:
    """
    Given recordings, then an edit of the prompt,
    when all are checked, updated, checked and pruned,
    then the check is a 1 with what is missing, the update buys it, and prune takes the old ones away.
    """
    studio.record()
    studio.lab.write("prompts/say.j2", "Say loudly {{ word }}")

    before = studio.command("recordings", "check", expect=1)
    refused = studio.command("recordings", "prune", "--yes", expect=2)
    updated = studio.command("recordings", "update", key=KEY)
    after = studio.command("recordings", "check", "words", "--json", expect=1).json
    pruned = studio.command("recordings", "prune", "--yes")
    clean = studio.command("recordings", "check")

    assert "3 answers not recorded" in before.out
    assert "promptlab recordings update pipelines/words.yaml" in refused.err
    assert "recordings: 3 new, 0 changed, 0 unchanged" in updated.out
    assert "3 stale" in updated.err
    assert (len(after["pipelines"][0]["stale"]), after["pipelines"][0]["missing"]) == (3, [])
    assert "deleted 3 recordings" in pruned.err
    assert "3 recordings in use, 0 missing, 0 stale" in clean.out
    assert len(studio.files) == 3


def test_an_update_is_a_0_whatever_checks_say(studio: Studio) -> None:
    """
    Given a check that fails,
    when the pipeline is recorded, whole or a part of it,
    then it is a 0: what matters is that it is recorded.
    """
    studio.lab.write_pipeline(
        steps=[{**SAY, "checks": [{"equals": "never"}]}], gates=[{"metric": "pass_rate", "min": 1}]
    )

    part = studio.command("recordings", "update", "--limit", "1", "--json", key=KEY)
    whole = studio.command("recordings", "update", "words", "--json", key=KEY)

    assert part.json["recorded"] == {"new": 1, "changed": 0, "unchanged": 0}
    assert whole.json["recorded"] == {"new": 2, "changed": 0, "unchanged": 1}


def test_an_update_that_could_not_record_all_says_so(studio: Studio) -> None:
    """
    Given a model that does not take one of the requests,
    when the pipeline is recorded,
    then it is a 1 that names what is missing.
    """
    studio.provider.script({"user": "word-0001", "status": 400})

    said = studio.command("recordings", "update", key=KEY, expect=1)

    assert "row 1 (r1) base step say: fake/model-1" in said.err


def test_fresh_answers_change_the_files(studio: Studio) -> None:
    """
    Given recordings,
    when they are updated afresh, and the model says something else to one request,
    then its file is changed, and the others, whose times alone differ, are not.
    """
    studio.record()
    studio.provider.script({"user": "word-0001", "answer": "word-0001. anew"})

    said = studio.command("recordings", "update", "--fresh", "--json", key=KEY).json

    assert said["recorded"] == {"new": 0, "changed": 1, "unchanged": 2}
    assert sum("anew" in file.read_text() for file in studio.files) == 1


def test_prune_takes_what_is_no_pipelines(studio: Studio) -> None:
    """
    Given recordings of a pipeline that was renamed,
    when all are pruned, and nobody can be asked,
    then that is refused; with --yes they go, and their folders.
    """
    studio.record()
    studio.lab.write_pipeline(name="others")
    studio.command("recordings", "update", key=KEY)

    asked = studio.command("recordings", "prune", expect=2)
    studio.command("recordings", "prune", "--yes")

    assert "--yes" in asked.err
    assert [file.parent.parent.name for file in studio.files] == ["others"] * 3
    assert not (studio.lab.root / "recordings/words").exists()


def test_a_run_killed_while_it_writes_leaves_no_half_file(studio: Studio) -> None:
    """
    Given two processes that record the same rows at once, one of which is killed,
    when the other has ended,
    then all recordings are whole.
    """
    studio.lab.write_rows(30)
    studio.provider.configure(latency_ms=5)
    killed, other = (studio.lab.start("run", "words", "--mode", "record") for _ in range(2))
    studio.provider.wait_for_requests(10)
    killed.kill()
    killed.wait()

    other.communicate(timeout=60)

    studio.command("recordings", "check")
    assert len(studio.files) == 30
    written = [file for file in (studio.lab.root / "recordings").rglob("*") if file.is_file()]
    assert {file.name for file in written} == {".gitattributes", *(file.name for file in studio.files)}
