"""`repeat: {max, until: decided, pass}`: a row is repeated until it is certain what all repeats would say."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import comb, sqrt
from pathlib import Path
from typing import Any

import pytest

from promptlab.analysis.units import row_status
from promptlab.engine.assembly import RunOptions
from promptlab.engine.runner import worker_count
from promptlab.schemas.dataset import Row
from promptlab.schemas.events import TrialFinished
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import TrialStatus
from promptlab.schemas.standing import Standing
from tests.cli_kit import Cli
from tests.engine_kit import Bench, ask
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab, asked_for
from tests.loading_kit import load
from tests.resume_kit import assert_same, reports, resume_here, run_here
from tests.scripted import ScriptedProvider

FOUR_OF_FIVE = {"max": 5, "until": "decided", "pass": 4}
TWO_OF_THREE = {"max": 3, "until": "decided", "pass": 2}
WRONG: dict[str, Any] = {"answer": "no idea"}


def until_decided(most: int, passes: float) -> Repeat:
    return Repeat.model_validate({"max": most, "until": "decided", "pass": passes})


def judged(repeat: Repeat, outcomes: Sequence[TrialStatus]) -> tuple[TrialStatus, int]:
    """Take outcomes as they come until the row is decided; give how it ended, and after how many."""
    standing, coming = Standing(repeat), iter(outcomes)
    while standing.further:
        for _ in range(standing.further):
            standing.add(next(coming))
    return row_status([*standing.ended.elements()], repeat.needed or 1), standing.made


def rows_of(*words: str) -> str:
    return "\n".join(f'{{"id": "r{number}", "word": "{word}"}}' for number, word in enumerate(words))


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    found = Lab(tmp_path / "lab", fake_provider.base_url)
    found.write_pipeline(repeat=FOUR_OF_FIVE)
    return found


def calls_of_rows(provider: FakeProvider) -> dict[str, int]:
    """Give how often each word was asked for, by the provider's journal."""
    return dict(Counter(text.removeprefix("Say ") for text in asked_for(provider.requests())))


# The rule


@pytest.mark.parametrize("most", range(1, 7))
def test_the_verdict_is_that_of_all_repeats_and_no_repeat_is_in_vain(most: int) -> None:
    """
    Given every rule of up to six repeats and every way in which they can end,
    when they are made in batches until the row is decided,
    then the verdict is that of all of them, and after one repeat less the row could still go either way.
    """
    endings: list[TrialStatus] = ["passed", "failed", "skipped"]
    for needed, outcomes in product(range(1, most + 1), product(endings, repeat=most)):
        repeat = until_decided(most, needed)

        status, made = judged(repeat, outcomes)

        assert status == row_status(outcomes, needed)
        before, to_come = outcomes[: made - 1], most - made + 1
        others = {row_status([*before, *rest], needed) for rest in product(endings, repeat=to_come)}
        assert len(others) > 1 or made == most


def test_an_errored_repeat_did_not_pass() -> None:
    """
    Given repeats that error,
    when so many did that too few can pass,
    then the row is errored, as it is when all of them are made.
    """
    outcomes: list[TrialStatus] = ["passed", "errored", "errored", "passed", "passed"]

    assert judged(until_decided(5, 4), outcomes) == ("errored", 3)


@pytest.mark.parametrize(
    ("most", "passes", "needed", "fewest"),
    [(10, 0.8, 8, 3), (10, 8, 8, 3), (100, 0.55, 55, 46), (25, 0.28, 7, 7), (1, 0.8, 1, 1), (3, 1, 1, 1)],
)
def test_a_share_is_taken_of_the_most_repeats(most: int, passes: float, needed: int, fewest: int) -> None:
    """
    Given a number or a share of repeats that must pass,
    when the rule is read,
    then it is a number of them, rounded up, and the earliest decision is known.
    """
    repeat = until_decided(most, passes)

    assert (repeat.needed, repeat.fewest) == (needed, fewest)


RATES = (0.5, 0.7, 0.8, 0.9, 0.98)
DRAWS = 1000
ADR = Path(__file__).parent.parent / "docs/adr/0019-rows-are-decided-by-a-curtailed-rule.md"


def simulated(repeat: Repeat, rate: float, draw: random.Random) -> tuple[float, float, int]:
    """Give the share of rows that passed, the mean repeats, and how many all repeats judge otherwise."""
    passed = made = unlike = 0
    for _ in range(DRAWS):
        outcomes: list[TrialStatus] = [
            "passed" if draw.random() < rate else "failed" for _ in range(repeat.count)
        ]
        status, count = judged(repeat, outcomes)
        passed += status == "passed"
        made += count
        unlike += status != row_status(outcomes, repeat.needed or 1)
    return passed / DRAWS, made / DRAWS, unlike


def pass_probability(repeat: Repeat, rate: float) -> float:
    """Give how likely a row of this true pass rate passes: the tail of the binomial distribution."""
    needed, most = repeat.needed or 1, repeat.count
    return sum(comb(most, k) * rate**k * (1 - rate) ** (most - k) for k in range(needed, most + 1))


def mean_repeats(repeat: Repeat, rate: float) -> float:
    """Give the expected number of repeats: a row is decided by the last pass or failure that it takes."""
    needed = repeat.needed or 1
    enough = repeat.count - needed + 1
    by_pass = sum(
        n * comb(n - 1, needed - 1) * rate**needed * (1 - rate) ** (n - needed)
        for n in range(needed, repeat.count + 1)
    )
    by_failure = sum(
        n * comb(n - 1, enough - 1) * (1 - rate) ** enough * rate ** (n - enough)
        for n in range(enough, repeat.count + 1)
    )
    return by_pass + by_failure


@pytest.mark.parametrize(("most", "passes"), [(10, 0.8), (20, 0.9)])
def test_error_rates_and_repeats_of_the_rule(most: int, passes: float) -> None:
    """
    Given rows of several true pass rates, simulated,
    when they are repeated until they are decided,
    then no verdict differs from that of all repeats, rows pass as often as the binomial distribution says,
    the mean number of repeats is the expected one, and the decision's record shows both.
    """
    repeat, draw = until_decided(most, passes), random.Random(18)
    table = ADR.read_text()
    for rate in RATES:
        passed, made, unlike = simulated(repeat, rate, draw)

        likely, mean = pass_probability(repeat, rate), mean_repeats(repeat, rate)
        assert unlike == 0
        assert abs(passed - likely) <= 4 * sqrt(likely * (1 - likely) / DRAWS)
        assert made == pytest.approx(mean, rel=0.04)
        assert f"| {passes:g} of {most} | {rate:g} | {likely:.1%} | {mean:.1f} |" in table


# How it is written


@pytest.mark.parametrize(
    ("repeat", "problem"),
    [
        (
            "{max: 10, pass: 8}",
            "4:9: repeat: `max` and `until: decided` go together; for a fixed number say `count`",
        ),
        (
            "{until: decided, pass: 8}",
            "4:9: repeat: `max` and `until: decided` go together; for a fixed number say `count`",
        ),
        (
            "{max: 10, until: decided}",
            "4:9: repeat: `until: decided` needs `pass`: how many repeats, or which share, must pass",
        ),
        (
            "{max: 10, count: 3, until: decided, pass: 2}",
            "4:9: repeat: `max` is for repeats `until: decided`, which have no `count`; keep one of them",
        ),
        ("{max: 10, until: decided, pass: 11}", "4:9: repeat: pass: 11 is more than max: 10"),
        (
            "{max: 10, until: decided, pass: 2.5}",
            "4:9: repeat: pass: 2.5 is neither a number of repeats nor a share below 1",
        ),
        (
            "{max: ten, until: decided, pass: 2}",
            "4:15: repeat.max must be a whole number, but is text, 'ten'",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused(repeat: str, problem: str) -> None:
    """
    Given a `repeat` whose parts do not go together,
    when the pipeline is loaded,
    then that is told, once.
    """
    found = load(
        f"""\
        version: 1
        model: echo/echo
        dataset: [{{}}]
        repeat: {repeat}
        steps: [{{id: say, messages: [{{role: user, content: hi}}]}}]
        """
    )

    assert found.problems == [problem]


# The engine


def bench(*answers: str, rows: int = 1, repeat: object = FOUR_OF_FIVE, **options: Any) -> Bench:
    words = [{"word": f"w{index}"} for index in range(rows)]
    steps = [ask("say", checks=[{"equals": "yes"}])]
    provider = ScriptedProvider(*answers) if answers else ScriptedProvider("yes")
    return Bench({"steps": steps, "repeat": repeat}, provider, rows=words, options=RunOptions(**options))


async def test_as_many_repeats_as_are_needed_in_any_case_run_side_by_side() -> None:
    """
    Given a row of which four of five repeats must pass, and which passes, fails, and passes then,
    when it is run,
    then two are asked for at once, later no more than are needed, and each has an answer of its own.
    """
    one = bench("yes", "no", "yes", "yes", "yes")

    trials = await one.run()

    assert [trial.key.repeat for trial in trials] == [0, 1, 2, 3, 4]
    assert [request.sample for request in one.provider.journal] == [0, 1, 2, 3, 4]
    assert one.provider.most_in_flight == 2
    assert (one.counts.planned, one.counts.done) == (5, 5)


async def test_rows_run_side_by_side_and_few_are_open_at_a_time() -> None:
    """
    Given many more rows than there are workers,
    when they are run,
    then no row is taken before there is a worker for it, and what is planned sinks to what was done.
    """
    one, open_at_once = bench(rows=300, max_concurrency=2), list[int]()

    def rows() -> Iterator[Row]:
        for taken, row in enumerate(all_rows(), start=1):
            decided = sum(event.spared > 0 for event in one.heard.of(TrialFinished))
            open_at_once.append(taken - decided)
            yield row

    all_rows = one.plan.rows
    one.plan = replace(one.plan, rows=rows)

    await one.run()

    assert max(open_at_once) <= worker_count(one.plan, 2)
    assert (one.counts.planned, one.counts.done, len(one.provider.journal)) == (1200, 1200, 1200)


async def test_fail_fast_waits_for_a_row_that_failed() -> None:
    """
    Given a row that passes in spite of a failure, and one that fails,
    when it is run with --fail-fast and one call at a time,
    then the failed repeat stops nothing, and the failed row does.
    """
    answers = ["yes", "no", "yes", "yes", "yes", "no", "no", "yes"]
    one = bench(*answers, rows=40, max_concurrency=1, fail_fast=True)

    trials = await one.run()

    assert one.brake.stop is not None
    assert one.brake.stop.reason == "row 1 failed, and --fail-fast is set"
    assert len(trials) < 5 + 2 + 2 * worker_count(one.plan, 1)


# Whole runs, by the journal of the provider


def test_rows_are_repeated_as_often_as_it_takes(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given four of five repeats that must pass, and rows that always pass, never do, pass but once, and waver,
    when the pipeline is run,
    then each is asked for exactly as often as decides it, and rates and the exit code count rows.
    """
    lab.write("data/rows.jsonl", rows_of("all", "none", "most", "some"))
    fake_provider.script(
        {"user": "none", **WRONG},
        {"user": "most", "nth": 2, **WRONG},
        {"user": "some", "nth": [3, 4], **WRONG},
    )

    summary = lab.run()

    assert calls_of_rows(fake_provider) == {"all": 4, "none": 2, "most": 5, "some": 4}
    assert (summary.metrics["pass_rate"], summary.metrics["error_rate"]) == (0.5, 0.0)
    assert (summary.planned, summary.trials, summary.exit_code) == (15, {"passed": 10, "failed": 5}, 1)
    assert lab.query("select planned, passed, failed, left, status from runs") == [(15, 10, 5, 0, "failed")]
    fails, checks = 5, 15
    assert summary.checks == {"base": {"say/contains": (checks - fails) / checks}}


def test_a_second_run_recalls_and_decides_alike(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run whose rows were decided after different numbers of repeats,
    when it is run again,
    then nothing is sent, and the same repeats are made.
    """
    fake_provider.script({"user": "word-000[13]", **WRONG})
    first = lab.run()
    before = [trial.key.place for trial in lab.trials]

    again = lab.run()

    assert (first.calls.sent, again.calls.sent, again.calls.recalled) == (36, 0, 36)
    assert sorted(trial.key.place for trial in lab.trials) == sorted(before)
    assert again.metrics["pass_rate"] == 0.8


def test_a_limit_leaves_rows_undecided_and_they_are_left(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit of requests that is reached in the midst of rows,
    when the pipeline is run,
    then it ends with 4, the rows that are not decided count as failures, and their repeats are left.
    """
    lab.write_rows(3)
    lab.write_pipeline(repeat=FOUR_OF_FIVE, limits={"requests": 7})

    summary = lab.run()

    assert (summary.exit_code, fake_provider.sent_count, summary.trials) == (4, 7, {"passed": 7})
    decided = round((summary.metrics["pass_rate"] or 0) * 3)
    assert summary.planned == 15 - decided
    assert summary.metrics["error_rate"] == (3 - decided) / 3
    assert lab.query("select planned - passed, left from runs") == [(8 - decided, 8 - decided)]


def test_an_errored_repeat_is_run_again_by_a_resume(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given two of three that must pass, a row of which one repeat errors, and one of which all do,
    when it is run, and resumed once the provider answers,
    then the first passes in both, the second is decided anew, and only what errored or was not made is sent.
    """
    lab.write("data/rows.jsonl", rows_of("once", "always"))
    lab.write_pipeline(repeat=TWO_OF_THREE)
    error = {"status": 400, "error": {"message": "no"}}
    fake_provider.script({"user": "once", "nth": 1, **error}, {"user": "always", **error})
    first = run_here(lab)
    before = calls_of_rows(fake_provider)
    fake_provider.script()

    then = resume_here(lab)

    assert (before, first.metrics["pass_rate"], first.metrics["error_rate"]) == (
        {"once": 3, "always": 2},
        0.5,
        0.5,
    )
    assert calls_of_rows(fake_provider) == {"once": 4, "always": 4}
    assert (first.planned, then.planned, then.trials) == (5, 5, {"passed": 5})
    assert (then.metrics["pass_rate"], then.exit_code) == (1.0, 0)
    assert lab.query("select planned, passed, errored, left from runs") == [(5, 5, 0, 0)]


@pytest.mark.parametrize("calls", [1, 30])
def test_a_resumed_run_equals_an_uninterrupted_one(
    calls: int, lab: Lab, tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a run of two cells whose model is closed after some calls,
    when it is resumed,
    then it goes on where rows are not decided, and its reports equal those of one that nothing stopped.
    """
    twin = Lab(tmp_path / "twin", fake_provider.base_url)
    wrong = {"user": "word-000[13]", **WRONG}
    for each in (lab, twin):
        each.write_pipeline(repeat=FOUR_OF_FIVE, variants={"a": {}, "b": {"params": {"max_tokens": 40}}})
    fake_provider.script(wrong)
    whole = run_here(twin)
    fake_provider.reset()
    fake_provider.script({"status": 401, "nth": list(range(calls + 1, 100))}, wrong)
    stopped = run_here(lab, max_concurrency=3)
    sent = len([one for one in fake_provider.answers() if one.status == 200])
    fake_provider.script(wrong)

    then = resume_here(lab)

    assert (stopped.exit_code, sent) == (3, calls)
    answered = [one for one in fake_provider.answers() if one.status == 200]
    assert len(answered) == whole.calls.sent == 72
    assert (then.planned, then.trials, then.metrics["pass_rate"]) == (72, whole.trials, 0.8)
    assert_same(reports(lab), reports(twin))
    assert lab.query("select planned, left from runs") == [(72, 0)]


def test_failed_takes_rows_that_did_not_pass_as_a_whole(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which one row failed, and one passed in spite of a failure,
    when it is run again with --failed after the check was changed so that all pass,
    then the repeats of the failed row alone are made, as many as it takes, recalled where they are there.
    """
    lab.write("data/rows.jsonl", rows_of("all", "none", "most"))
    fake_provider.script({"user": "none", **WRONG}, {"user": "most", "nth": 2, **WRONG})
    lab.run()
    sent = fake_provider.sent_count
    steps = [{**PIPELINE["steps"][0], "checks": [{"regex": "."}]}]
    lab.write_pipeline(repeat=FOUR_OF_FIVE, steps=steps)

    summary = lab.run(failed="last")

    assert {trial.key.row_id for trial in lab.trials} == {"r1"}
    assert (summary.trials, summary.planned, summary.metrics["pass_rate"]) == ({"passed": 4}, 4, 1.0)
    assert (summary.calls.recalled, fake_provider.sent_count - sent) == (2, 2)


# Commands

ECHO = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{word: good}, {word: bad}]
repeat: {max: 10, until: decided, pass: 0.8}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks: [{equals: good}]
"""


def test_a_plan_tells_what_is_certain_and_the_worst(cli: Cli) -> None:
    """
    Given two rows that are repeated until decided, of which eight of ten must pass,
    when the run is planned before and after it was made,
    then three calls of each are certain and the rest is open; what is on record is recalled.
    """
    cli.write(echo=ECHO)
    before = cli("plan", "echo", "--json").json["pipelines"][0]
    shown = cli("plan", "echo").out
    ran = cli("run", "echo", "--json").json
    after = cli("plan", "echo", "--json").json["total"]

    assert (before["trials"], before["least_trials"]) == (20, 6)
    assert [before["total"][name] for name in ("call", "open", "recall", "worst_calls")] == [6, 14, 0, 20]
    assert "6 to 20 trials: 6 calls, 0 recalled, 14 open (20 calls at worst)" in shown
    assert ran["calls"]["sent"] == 8 + 3
    assert [after[name] for name in ("call", "open", "recall")] == [0, 9, 11]


@pytest.mark.parametrize(("most", "sent"), [("5", 4 + 2), ("1", 1 + 1)])
def test_repeat_on_the_command_line_is_the_most(most: str, sent: int, cli: Cli) -> None:
    """
    Given rows that are repeated until decided,
    when they are run with --repeat,
    then that takes the place of `max`, and the rule holds.
    """
    cli.write(echo=ECHO)

    ran = cli("run", "echo", "--json", "--repeat", most).json

    assert (ran["calls"]["sent"], ran["metrics"]["pass_rate"]) == (sent, 0.5)


def test_a_stored_run_is_judged_by_the_repeats_that_it_has(cli: Cli) -> None:
    """
    Given a run of which one row was decided after three repeats,
    when it is judged by checks that this row would pass, and by ones that no row passes,
    then the row that three repeats cannot pass is not decided, which is a failure and said; all count once.
    """
    cli.write(echo=ECHO)
    cli("run", "echo", "--note", "first")
    cli.write(echo=ECHO.replace("equals: good", "contains: d"))
    shown = cli("check", "last")
    passing = cli("check", "last", "--json").json
    cli.write(echo=ECHO.replace("equals: good", "equals: ugly"))
    failing = cli("check", "last", "--json").json

    assert (shown.code, passing["status"]) == (1, "failed")
    assert (
        "1 row has too few repeats to be decided by these checks, and did not pass; "
        "this makes the others and recalls these: promptlab run pipelines/echo.yaml\n"
    ) in shown.out
    assert (passing["trials"]["passed"], passing["metrics"]["pass_rate"]) == (11, 0.5)
    assert passing["metrics"]["error_rate"] == 0.5
    assert (failing["trials"]["failed"], failing["metrics"]["pass_rate"]) == (11, 0.0)
    assert failing["metrics"]["error_rate"] == 0.0
