"""A watch as a session: keys, signals, money, git at work, and what a person sees."""

import json
import os
import shutil
import signal
import termios
import time
from pathlib import Path

import pytest
from pexpect import EOF

from tests.fakes import FakeProvider
from tests.lab import INPUT_PRICE, OUTPUT_PRICE, PIPELINE, Lab, ended, environment
from tests.warm_kit import forked
from tests.watch_kit import git, watch

ROWS = 10


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    return Lab(tmp_path / "project", fake_provider.base_url)


def test_keys_run_again_pause_and_quit(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch with a row that fails,
    when a and f are pressed, then p and a, a save, p again, A twice, and q,
    then a and f recall everything, the save waits while it is paused, A buys anew at the second press, and q
    ends with 0.
    """
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "checks": [{"not-contains": "word-0003"}]}])
    with watch(lab, fake_provider, "words") as watched:
        turns = [watched.turn()]
        turns.append(watched.key("a").turn())
        turns.append(watched.key("f").turn())
        turns.append(watched.key("p").key("a").turn())  # once that has come, p was heard
        watched.save("prompts/say.j2", "Tell {{ word }}")
        time.sleep(0.3)  # nothing to wait for where nothing is to come
        sent_while_paused = fake_provider.sent_count
        turns.append(watched.key("p").turn())
        turns.append(watched.key("\x1b[A").key("A").key("A").turn())
        code = watched.key("q").ended()

    calls = [(turn["cause"], turn["runs"][0]["calls"]["sent"]) for turn in turns]
    assert calls == [("start", ROWS), ("all", 0), ("failed", 0), ("all", 0), ("saved", ROWS), ("all", ROWS)]
    assert turns[2]["runs"][0]["trials"]["failed"] == 1
    assert turns[2]["runs"][0]["trials"]["passed"] == 0
    assert (sent_while_paused, fake_provider.sent_count, code) == (ROWS, 3 * ROWS, 0)


def test_a_save_during_a_run_lets_the_rest_land(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run with two calls in flight,
    when the prompt is saved before they are answered,
    then no other call of the old state leaves, the two are recorded, and the new state is run.
    """
    fake_provider.script({"fault": "hold"})
    with watch(lab, fake_provider, "words", "--max-concurrency", "2") as watched:
        fake_provider.wait_for_requests(2)
        watched.save("prompts/say.j2", "Tell {{ word }}").until_noted("what is in flight lands first")
        fake_provider.script()
        stopped, whole = watched.turn(), watched.turn()
        watched.key("q").ended()

    assert (stopped["runs"][0]["status"], stopped["runs"][0]["calls"]["sent"]) == ("interrupted", 2)
    assert (whole["runs"][0]["status"], whole["runs"][0]["calls"]["sent"]) == ("passed", ROWS)
    assert [len(watched.asked("Say")), len(watched.asked("Tell"))] == [2, ROWS]
    assert len(lab.bought()) == 2 + ROWS


def test_what_a_killed_watch_left_in_doubt_is_told(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch that was killed with two calls in flight,
    when another one is started with --on-unknown fail,
    then it lists the two with the money at risk, and does not make them again.
    """
    fake_provider.script({"fault": "hang"})
    with watch(lab, fake_provider, "words", "--max-concurrency", "2") as watched:
        fake_provider.wait_for_requests(2)
        watched.child.process.kill()
        watched.ended()
    fake_provider.script()
    with watch(lab, fake_provider, "words", "--on-unknown", "fail") as watched:
        turn = watched.turn()
        watched.key("q").ended()

    first, second = watched.noted().splitlines()[:2]
    assert first.startswith(
        "pipelines/words.yaml: its last run left 2 attempts of unknown outcome, at most $"
    )
    assert first.endswith("not asked again (--on-unknown fail):")
    assert second.startswith("  say, fake/model-1: 2 attempts for 2 rows (")
    assert (turn["runs"][0]["trials"]["errored"], fake_provider.sent_count) == (2, ROWS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_calls_land(lab: Lab, fake_provider: FakeProvider, number: signal.Signals) -> None:
    """
    Given a watch with two calls in flight,
    when a signal comes,
    then nothing more is sent, both answers are recorded, and the exit code says the signal.
    """
    fake_provider.script({"fault": "hold"})
    with watch(lab, fake_provider, "words", "--max-concurrency", "2") as watched:
        fake_provider.wait_for_requests(2)
        watched.child.process.send_signal(number)
        watched.until_noted("for the calls in flight")
        fake_provider.script()
        watched.turn()
        code = watched.ended()

    assert (code, fake_provider.sent_count, len(lab.bought())) == (128 + number, 2, 2)


def test_the_ceiling_holds_for_the_session(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a ceiling that the first turn nearly uses up,
    when a save wants more than is left, and + is pressed,
    then the turn stops at the ceiling, the watch waits, and goes on with what is left.
    """
    fake_provider.configure(answer="yes")
    cost = (INPUT_PRICE * 400 + OUTPUT_PRICE * 100) / 1e6  # a short call may cost that, a long one more
    with watch(lab, fake_provider, "words", "--max-cost", f"{cost:.8f}", "--max-concurrency", "1") as watched:
        first = watched.turn()
        watched.save("prompts/say.j2", "Tell {{ word }}, at some length: " + "on and on " * 50)
        stopped = watched.turn()
        sent = fake_provider.sent_count
        raised = watched.key("+").turn()
        code = watched.key("q").ended()

    assert (first["runs"][0]["status"], stopped["runs"][0]["status"]) == ("failed", "limited")
    assert "--max-cost" in stopped["runs"][0]["stopped"]
    assert stopped["spent_usd"] <= cost
    assert raised["cause"] == "raised"
    assert fake_provider.sent_count > sent
    assert "press + for" in watched.noted()
    assert code == 0


def test_nobody_to_ask_ends_at_the_ceiling(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch without a terminal, and a ceiling below the cost of a run,
    when it is started,
    then it ends with 4.
    """
    end = lab.command("watch", "words", "--max-cost", "0.0002", "--json")

    assert end.code == 4
    assert json.loads(end.out)["runs"][0]["status"] == "limited"
    assert fake_provider.sent_count < ROWS


def test_it_ends_when_its_stdin_is_closed(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch whose stdin is a pipe,
    when that is closed,
    then it ends with 0.
    """
    stdin, ours = os.pipe()
    process = forked(lab.root, ["watch", "words", "--json"], environment(), stdin=stdin)
    os.close(stdin)
    process.until_said('"turn"')
    os.close(ours)
    end = ended(process)

    assert (json.loads(end.out)["turn"], end.code, fake_provider.sent_count) == (1, 0, ROWS)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nothing"], "there is no pipeline 'nothing'"),
        (["pipelines/none.yaml"], "there is no file"),
        (["words", "--variant", "other"], "there is no variant 'other'"),
        (["words", "--fresh"], "No such option"),
    ],
)
def test_what_no_save_mends_is_a_matter_of_usage(lab: Lab, arguments: list[str], what: str) -> None:
    """
    Given a project,
    when a watch names what there is not,
    then it ends with 2 and says so.
    """
    end = lab.command("watch", *arguments)

    assert (end.code, end.out) == (2, "")
    assert what in end.err


@pytest.mark.parametrize("files", [60, pytest.param(500, marks=pytest.mark.thorough)])
def test_git_checks_out_many_files_in_one_turn(lab: Lab, fake_provider: FakeProvider, files: int) -> None:
    """
    Given a repository with many data files, of which another branch has twenty rows with another word,
    when git checks that branch out, then the first again, then the other,
    then each is one turn, and only the twenty rows are ever asked for again.
    """
    for number in range(files):
        lab.write(f"data/many/{number:03}.jsonl", _row(number, "one"))
    where = {"path": "data/many/*.jsonl", "where": "number < 20"}
    lab.write_pipeline(dataset=where)
    git(lab.root, "init", "-q", "-b", "main")
    git(lab.root, "add", "-A")
    git(lab.root, "commit", "-qm", "one")
    git(lab.root, "checkout", "-qb", "other")
    for number in range(files):
        lab.write(f"data/many/{number:03}.jsonl", _row(number, "two"))
    git(lab.root, "commit", "-qam", "two")
    git(lab.root, "checkout", "-q", "main")
    with watch(lab, fake_provider, "words") as watched:
        turns = [watched.turn()]
        for branch in ("other", "main", "other"):
            git(lab.root, "checkout", "-q", branch)
            turns.append(watched.turn())
        watched.key("q").ended()

    assert [turn["runs"][0]["calls"]["sent"] for turn in turns] == [20, 20, 0, 0]
    assert [len(turn["files"]) for turn in turns] == [0, files, files, files]
    assert fake_provider.sent_count == 40


def test_git_at_work_is_waited_for(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a repository whose index is locked,
    when two files are saved, and the lock is taken away,
    then they are one turn, after it.
    """
    git(lab.root, "init", "-q")
    lock = lab.root / ".git" / "index.lock"
    with watch(lab, fake_provider, "words") as watched:
        watched.turn()
        lock.touch()
        watched.save("prompts/say.j2", "Half {{ word }}")
        time.sleep(0.2)  # as long as nothing may happen
        sent = fake_provider.sent_count
        watched.save("prompts/say.j2", "Whole {{ word }}")
        lock.unlink()
        turn = watched.turn()
        watched.key("q").ended()

    assert (sent, turn["runs"][0]["calls"]["sent"]) == (ROWS, ROWS)
    assert (len(watched.asked("Half")), len(watched.asked("Whole"))) == (0, ROWS)


def test_settings_are_followed(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch,
    when a price in promptlab.yaml changes, the file is broken, and the provider gets another identity,
    then nothing is asked for the first two, and everything for the last.
    """
    path = lab.root / "promptlab.yaml"
    settings = json.loads(path.read_text())
    with watch(lab, fake_provider, "words") as watched:
        watched.turn()
        prices = {"fake/*": {"input": 3, "output": 4}}
        dearer = watched.save("promptlab.yaml", {**settings, "prices": prices}).turn()
        broken = watched.save("promptlab.yaml", {**settings, "modle": "x/y"}).turn()
        entry = {**settings["providers"]["fake"], "identity": "moved"}
        moved = watched.save("promptlab.yaml", {**settings, "providers": {"fake": entry}}).turn()
        watched.key("q").ended()

    assert [run["calls"]["sent"] for turn in (dearer, moved) for run in turn["runs"]] == [0, ROWS]
    assert broken["problems"][0]["file"] == "promptlab.yaml"
    assert "promptlab.yaml is in order again" in watched.noted()


def test_a_pipeline_that_is_gone_is_said_to_be(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch over two pipelines,
    when one is deleted and then the prompt of both is saved,
    then it is told, and the other is run alone.
    """
    lab.write("pipelines/more.yaml", {**PIPELINE, "name": "more"})
    with watch(lab, fake_provider) as watched:
        watched.turn()
        (lab.root / "pipelines/more.yaml").unlink()
        turn = watched.save("prompts/say.j2", "Tell {{ word }}").turn()
        watched.key("q").ended()

    assert [run["pipeline"] for run in turn["runs"]] == ["words"]
    assert "pipelines/more.yaml is gone, and is watched no more" in watched.noted()


def test_a_log_that_was_cleaned_away_is_made_anew(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a watch,
    when the folder of the log is deleted, as `git clean` does, and a prompt is edited,
    then what is answered is in a log that is there.
    """
    with watch(lab, fake_provider, "words") as watched:
        watched.turn()
        shutil.rmtree(lab.root / ".promptlab")
        watched.save("prompts/say.j2", "Tell {{ word }}").turn()
        watched.key("q").ended()

    assert (len(lab.bought()), len(watched.asked("Tell"))) == (ROWS, ROWS)
    assert watched.noted().count("lab.db is gone since it was opened") == 1


def test_it_polls_where_nothing_is_told(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a file system that tells of no changes,
    when a prompt is edited,
    then it is run.
    """
    with watch(lab, fake_provider, "words", WATCHFILES_FORCE_POLLING="1") as watched:
        watched.turn()
        watched.save("prompts/say.j2", "Polled {{ word }}").turn()
        watched.key("q").ended()

    assert len(watched.asked("Polled")) == ROWS


def test_a_person_sees_turns_and_keys_and_gets_the_terminal_back(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a watch in a terminal,
    when a save fails rows, a broken one follows, and q is pressed,
    then there are the first run's table, flips, a diff, metrics, the problem with its place, the keys, and
    the terminal echoes again.
    """
    with watch(lab, fake_provider, "words", as_json=False, NO_COLOR="1") as watched:
        child = watched.child
        child.expect("10 passed")
        child.expect("a all · f failed only · p pause · q quit")
        watched.save("prompts/say.j2", "Say nothing")
        for line in (": prompts/say.j2 changed", "10 failed", r"passed → failed", r"\{\+nothing\+\}"):
            child.expect(line)
        child.expect("pass_rate 0.0 %")
        watched.save("prompts/say.j2", "Say {{ word }")
        child.expect("prompts/say.j2:1:1: error: ")
        child.expect("1 . Say")
        during = termios.tcgetattr(child.child_fd)
        child.send("q")
        child.expect(EOF)
        after = termios.tcgetattr(child.child_fd)
        code = watched.ended()

    echoes = [bool(mode[3] & termios.ECHO) for mode in (child.first_mode, during, after)]
    assert (code, echoes) == (0, [True, False, True])


def _row(number: int, word: str) -> str:
    return json.dumps({"id": number, "number": number, "word": f"{word}-{number}."}) + "\n"
