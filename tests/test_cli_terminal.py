"""What a person sees: the moving line, Ctrl-C, and questions."""

import os
import signal
import time
from contextlib import AbstractContextManager

import pytest

from promptlab.cli.progress import tally
from promptlab.core.words import money
from promptlab.live.counts import RunCounts
from promptlab.schemas.events import AttemptEnded
from tests.cli_kit import ASK, Cli
from tests.fakes import FakeProvider
from tests.terminal_kit import InTerminal, in_terminal
from tests.warm_kit import Forked

WAIT = 60
ROWS = 120
IN_FLIGHT = 16  # calls at once, unless it is said
MANY = ASK.replace("  - {word: other}\n", "".join(f"  - {{word: hello{n}}}\n" for n in range(ROWS - 1)))
PRINTING = """\
version: 1
inputs: {word: string}
dataset: [{word: "loud\\u001b[2J"}]
steps:
  - {id: shout, python: "tools/shout.py:shout", with: {word: "{{ word }}"}}
"""
SHOUT = "def shout(word):\n    print(word)\n    return word\n"


def terminal(cli: Cli, *arguments: str, **env: str) -> AbstractContextManager[InTerminal]:
    env = {**os.environ, "TERM": "xterm-256color", **env}
    return in_terminal(cli.folder, arguments, env, size=(24, 100), seconds=WAIT)


def running(cli: Cli, fake: FakeProvider, *, until: str) -> Forked:
    """Give a run with 24 answers, whose calls in flight, 16 or more, end as the fault `until` says."""
    cli.write(ask=MANY)
    fake.script({"nth": list(range(25, ROWS)), "fault": until})
    run = cli.start("run", "ask", env=fake.environment())
    fake.wait_for_requests(24 + IN_FLIGHT)
    return run


def test_progress_tells_what_was_paid_for_certain() -> None:
    """
    Given a run of which an answer was paid for, and an attempt of unknown outcome may have been,
    when its progress is told,
    then the money in it is that of the answer, as at the run's end.
    """
    counts = RunCounts()

    counts(AttemptEnded("m", 1, None, 0.25))
    counts(AttemptEnded("m", 1, "connection", 0.5, outcome_unknown=True))

    assert tally(counts)[-1][0] == money(0.25)


def test_a_terminal_shows_progress_and_ctrl_c_ends_it_well(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given a run of 120 rows in a terminal,
    when the moving line has shown its counts and Ctrl-C is typed,
    then the line said done of all, passed, cost, rate and time left; the run ends with 130, its result, and
    what to do, and nothing is sent but what was on its way.
    """
    cli.write(ask=MANY)
    fake_provider.configure(latency_ms=200)
    fake_provider.script({"nth": list(range(81, ROWS)), "fault": "hold"})
    with terminal(cli, "run", "ask", **fake_provider.environment()) as child:
        child.expect(r"\d+/120 .*\d+ passed.* \$0\.\d+.*\d+\.\d/s, \d.* left")
        child.interrupt()
        child.expect("Ctrl-C: waiting up to 10 s for the calls in flight")
        sent = fake_provider.sent_count
        fake_provider.script()
        child.expect("stopped: Ctrl-C")
        child.expect("trials left; this goes on: promptlab resume ")
        code = child.code()

    assert code == 130
    assert fake_provider.sent_count - sent <= IN_FLIGHT
    assert {answer.outcome for answer in fake_provider.answers()} == {"sent"}


def test_a_plan_in_a_terminal_is_a_table(cli: Cli) -> None:
    """
    Given a pipeline that prints where its code runs,
    when it is planned in a terminal,
    then a ruled table says what would run, and nothing was printed by that code.
    """
    cli.write(shout=PRINTING)
    (cli.folder / "tools").mkdir()
    (cli.folder / "tools" / "shout.py").write_text(SHOUT)

    with terminal(cli, "plan", "shout") as child:
        child.expect("step.*model.*call.*recall.*open.*run")
        child.expect("─{10}")
        child.expect("1 trial: 0 calls, 0 recalled")
        code = child.code()

    assert code == 0
    assert "loud" not in child.before


def test_sigterm_lets_calls_in_flight_end(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, fake_provider: FakeProvider
) -> None:
    """
    Given a run with calls in flight,
    when it gets SIGTERM,
    then it awaits and records them, exits with 143, and the next run sends none of them again.
    """
    run = running(cli, fake_provider, until="hold")
    run.send_signal(signal.SIGTERM)
    run.until_said("for the calls in flight")
    fake_provider.script()
    out, err = run.communicate(timeout=WAIT)
    sent = fake_provider.sent_count

    for name, value in fake_provider.environment().items():
        monkeypatch.setenv(name, value)
    again = cli("run", "ask", "--json").json

    assert (run.returncode, "Traceback" in err) == (143, False)
    assert f"{sent} calls, 0 recalled" in out
    assert again["calls"]["recalled"] == sent
    assert fake_provider.sent_count == ROWS


def test_a_second_signal_ends_the_run_within_a_second(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given a run whose calls take long,
    when it gets Ctrl-C twice,
    then it ends within a second with 130, and says how many outcomes are unknown.
    """
    run = running(cli, fake_provider, until="hang")
    run.send_signal(signal.SIGINT)
    run.until_said("for the calls in flight")
    started = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=WAIT)
    took = time.monotonic() - started

    assert (run.returncode, "Traceback" in err) == (130, False)
    assert took < 8  # a first signal would wait 10 s for the calls in flight
    assert "of unknown outcome" in out


def test_a_pipe_gets_plain_lines(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given colours forced on,
    when a run writes to a pipe,
    then its progress has no moving line.
    """
    cli.write(ask=ASK.replace("openai/gpt-4o-mini", "echo/echo"))

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    said = cli("run", "ask")

    assert "\x1b[?25l" not in said.err + said.out
    assert "\r" not in said.err


def test_prints_of_project_code_stand_above_the_moving_line(cli: Cli) -> None:
    """
    Given a python step that prints an escape sequence,
    when it runs in a terminal,
    then the line is whole, behind the function's name, and escaped.
    """
    cli.write(prints=PRINTING)
    (cli.folder / "tools").mkdir()
    (cli.folder / "tools" / "shout.py").write_text(SHOUT)

    with terminal(cli, "run", "prints") as child:
        child.expect(r"tools/shout\.py:shout: loud\\x1b\[2J")
        child.expect("1 passed")


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 2)])
def test_deleting_asks_in_a_terminal(ran: Cli, answer: str, left: int) -> None:
    """
    Given three runs and a terminal,
    when one is to be deleted,
    then what goes is said first, and it goes only with a yes.
    """
    with terminal(ran, "runs", "delete", "last") as child:
        child.expect("this takes away 1 run, 2 trials")
        child.expect("delete this")
        child.sendline(answer)
        child.expect("nothing was deleted" if answer == "n" else "deleted 1 run")
        code = child.code()

    assert code == 0
    assert len(ran("runs", "list", "--json").json["runs"]) == left
