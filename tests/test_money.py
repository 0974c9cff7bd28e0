"""What is sent and paid, judged by the provider's own journal, over real parts from end to end."""

import time
from pathlib import Path
from typing import Any

import pytest

from promptlab.schemas.events import AttemptSent, Event, ModelPaused
from tests.fakes import FakeProvider, dead_server
from tests.lab import PIPELINE, Lab, asked_for, paid


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    return Lab(tmp_path, fake_provider.base_url)


def test_each_request_is_bought_once_and_for_good(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a pipeline with a python step beside its prompt,
    when it runs twice,
    then the provider saw each request once, the log has an attempt for each and the cost that was charged,
    and the second run sent and spent nothing.
    """
    lab.write("tools/count.py", "def size(text):\n    return len(text)\n")
    python = {"id": "size", "python": "tools/count.py:size", "with": {"text": "{{ say.output }}"}}
    lab.write_pipeline(steps=[*PIPELINE["steps"], python])

    first = lab.run()
    second = lab.run()

    assert sorted(asked_for(fake_provider.requests())) == sorted(f"Say word-{n:04}." for n in range(10))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert (first.calls.sent, first.calls.attempts, first.calls.recalled) == (10, 10, 0)
    assert (second.calls.sent, second.calls.attempts, second.calls.recalled) == (0, 0, 10)
    assert lab.states() == {"received": 10}
    assert first.spent_usd == first.cost_usd == second.cost_usd == pytest.approx(paid(fake_provider))
    assert second.spent_usd == 0.0
    assert lab.query("select sent, attempts, recalled from runs order by id") == [(10, 10, 0), (0, 0, 10)]
    assert {trial.outputs for trial in lab.trials} == {len("Say word-0001.")}


def test_an_edit_buys_exactly_what_it_changes(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a pipeline of two prompts that has run,
    when one of them is edited, and then put back,
    then the edit buys that prompt's calls alone, and putting it back nothing.
    """
    lab.write("prompts/ask.j2", "Ask {{ word }}")
    lab.write_pipeline(steps=[{"id": name, "prompt": f"prompts/{name}.j2"} for name in ("say", "ask")])
    lab.run()

    lab.write("prompts/ask.j2", "Please ask {{ word }}")
    edited = lab.run()
    lab.write("prompts/ask.j2", "Ask {{ word }}")
    reverted = lab.run()

    assert [text.partition(" w")[0] for text in asked_for(fake_provider.requests())[20:]] == [
        "Please ask"
    ] * 10
    assert (edited.calls.sent, edited.calls.recalled) == (10, 10)
    assert (reverted.calls.sent, reverted.calls.recalled) == (0, 20)


def test_a_fresh_run_buys_again_and_its_answers_count(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given recorded answers, and a provider that now says something else,
    when a run is fresh, and one after it is not,
    then the fresh one buys each once, and the other recalls those.
    """
    lab.run()
    fake_provider.script({"answer": "word-new"})

    fresh = lab.run(fresh=True)
    lab.run()

    assert (fresh.calls.sent, fresh.calls.recalled, fake_provider.sent_count) == (10, 0, 20)
    assert {trial.outputs for trial in lab.trials} == {"word-new"}


def test_only_what_did_not_pass_is_run_again(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run of which one trial failed and one errored,
    when only its failures are asked for,
    then two trials run: the failed one is recalled, the errored one is sent.
    """
    fake_provider.script({"user": "0003", "answer": "no"}, {"user": "0005", "status": 400})
    first = lab.run()
    fake_provider.script()

    second = lab.run(failed="last")

    assert first.trials == {"passed": 8, "failed": 1, "errored": 1}
    assert first.exit_code == 1
    assert sorted((trial.key.row, trial.status) for trial in lab.trials) == [(3, "failed"), (5, "passed")]
    assert (second.planned, second.calls.sent, second.calls.recalled) == (2, 1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        "cut-body",
        "truncated-json",
        "no-usage",
        "html",
        "empty-body",
        "wrong-shape",
        "empty-choices",
        "silent-end",
        "reset-in-body",
        "reset-before-headers",
    ],
)
def test_a_broken_answer_is_never_recorded(lab: Lab, fake_provider: FakeProvider, fault: str) -> None:
    """
    Given a provider whose answer to one of three rows is always broken, and to another once,
    when they run,
    then the one errors, the other passes, no answer but whole ones is recorded, and each attempt is.
    """
    retry = {"max_attempts": 2, "initial": 0}
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "retry": retry}])
    lab.write_rows(3)
    fake_provider.script({"user": "0001", "fault": fault}, {"user": "0002", "nth": 1, "fault": fault})

    summary = lab.run()

    assert summary.trials == {"passed": 2, "errored": 1}
    assert lab.bought() == {"Say word-0000.", "Say word-0002."}
    assert sum(lab.states().values()) == fake_provider.sent_count == 5
    assert lab.states()["received"] == 2


def test_a_storm_of_refusals_is_waited_out(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that answers the first five requests with 429 and a Retry-After,
    when ten rows run, four at once,
    then all pass, nothing left while it had asked to wait, and each attempt is on record.
    """
    fake_provider.script({"status": 429, "retry_after": {"ms": 300}, "first": 5})
    paused, left = list[float](), list[float]()

    def hear(event: Event) -> None:
        if isinstance(event, ModelPaused):
            paused.append(time.monotonic())
        elif isinstance(event, AttemptSent):
            left.append(time.monotonic())

    summary = lab.run(max_concurrency=4, heard=hear)

    early = [(pause, moment) for pause in paused for moment in left if pause < moment < pause + 0.29]
    assert (summary.exit_code, summary.trials) == (0, {"passed": 10})
    assert (summary.calls.sent, summary.calls.attempts) == (10, 15)
    assert lab.states() == {"failed": 5, "received": 10}
    assert len(left) == fake_provider.sent_count == 15
    assert paused
    assert early == []


def test_a_wait_that_is_too_long_ends_the_run_and_says_when(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that asks to come back in an hour after three answers,
    when ten rows run one after the other,
    then three end, the rest is left, the exit code is 3 and the reason says an hour.
    """
    fake_provider.script({"status": 429, "retry_after": 3600, "nth": list(range(4, 20))})

    summary = lab.run(max_concurrency=1)

    assert (summary.exit_code, summary.status, summary.trials) == (3, "errored", {"passed": 3})
    assert fake_provider.sent_count == 4
    assert "come back in 1 h" in (summary.stopped or "")


def test_what_is_paid_never_passes_the_limit(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit that some forty of two hundred calls fit in,
    when they run with many at once, and again,
    then each run ends with 4, the provider charged near the limit and no more, and nothing was bought twice.
    """
    lab.write_rows(200)
    fake_provider.configure(latency_ms=5, jitter_ms=20)
    limit = 0.0006

    first = lab.run(max_cost=limit, max_concurrency=32)
    after_first = paid(fake_provider)
    second = lab.run(max_cost=limit, max_concurrency=32)

    assert (first.exit_code, first.status, second.exit_code) == (4, "limited", 4)
    assert 0.5 * limit < after_first <= limit
    assert first.spent_usd == pytest.approx(after_first)
    assert paid(fake_provider) - after_first <= limit
    assert len(set(asked_for(fake_provider.requests()))) == fake_provider.sent_count
    assert "$0.00060" in (first.stopped or "")


def test_a_day_has_a_limit_too(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a limit of a day in promptlab.yaml, most of which a run has spent,
    when another runs that would buy more, with a higher --max-cost,
    then it stops where the day's limit is.
    """
    limit = 0.0005
    lab = Lab(tmp_path, fake_provider.base_url, settings={"limits": {"cost_usd_per_day": limit}})
    lab.write_rows(10)
    first = lab.run()
    lab.write_rows(100)

    second = lab.run(max_cost=1.0)

    assert (first.exit_code, second.exit_code) == (0, 4)
    assert (first.spent_usd or 0) < paid(fake_provider) <= limit


def test_the_limit_of_requests_counts_what_left(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit of seven requests, and a provider that fails now and then,
    when ten rows run,
    then seven requests came to the provider, and the exit code is 4.
    """
    lab.write_pipeline(limits={"requests": 7})
    fake_provider.script({"status": 500, "nth": [2, 5]})

    summary = lab.run()

    assert (summary.exit_code, summary.calls.attempts, fake_provider.sent_count) == (4, 7, 7)


def test_an_unknown_model_ends_the_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model that the provider does not have,
    when fifty rows run,
    then no more is sent than may be in flight, and the exit code is 3.
    """
    lab.write_rows(50)
    fake_provider.configure(models=["other"])

    summary = lab.run(max_concurrency=4)

    assert (summary.exit_code, summary.trials) == (3, {})
    assert fake_provider.sent_count <= 4
    assert "model-1" in (summary.stopped or "")


def test_what_was_never_answered_is_sent_again_only_where_that_is_wanted(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given one request that hangs until its time is over,
    when it runs twice with --on-unknown fail, and then without,
    then it is sent once, counted as paid, not sent again, and then is.
    """
    lab.write_rows(2)
    lab = Lab(lab.root, lab.base_url, entry={"timeout": 0.3})
    lab.write_rows(2)
    fake_provider.script({"user": "0001", "fault": "hang", "first": 1})

    first = lab.run(on_unknown="fail")
    second = lab.run(on_unknown="fail")
    sent = fake_provider.sent_count
    third = lab.run()

    assert (first.unknown, second.unknown, sent) == (1, 0, 2)
    assert (first.trials, second.trials) == ({"passed": 1, "errored": 1}, {"passed": 1, "errored": 1})
    assert (first.most_spent_usd or 0) > (first.cost_usd or 0)
    assert (third.trials, fake_provider.sent_count) == ({"passed": 2}, 3)


def test_anthropics_dialect_from_end_to_end(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a provider that speaks Anthropic's dialect, overloaded at first,
    when a pipeline runs, twice,
    then all pass, each is bought once, and the cost is what was charged.
    """
    entry = {"type": "anthropic", "base_url": fake_provider.anthropic_base_url}
    lab = Lab(tmp_path, fake_provider.base_url, entry=entry)
    fake_provider.script({"status": 529, "retry_after": {"ms": 50}, "first": 2})

    first = lab.run()
    second = lab.run()

    paths = {request.path.partition("?")[0] for request in fake_provider.requests()}
    assert paths == {"/v1/messages"}
    assert (first.trials, second.trials) == ({"passed": 10}, {"passed": 10})
    assert (first.calls.attempts, second.calls.sent, fake_provider.sent_count) == (12, 0, 12)
    assert first.spent_usd == pytest.approx(paid(fake_provider))


def test_a_wrong_key_for_a_thousand_rows_is_one_message(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a thousand rows and a key that is refused,
    when they run,
    then no more requests leave than may be in flight, one message says what to do, and the exit code is 3.
    """
    lab.write_rows(1000)
    fake_provider.configure(api_key="the-right-key")

    end = lab.command("run", "words", "--json", key="the-wrong-key-0123")

    assert end.code == 3
    assert 1 <= fake_provider.sent_count <= 16
    problem, advice = end.err.strip().splitlines()
    assert "closed for this run" in problem
    assert f"this goes on: promptlab resume {end.summary['run_id']}" in advice
    assert "FAKE_KEY" in end.err
    assert "the-wrong-key-0123" not in end.err + end.out
    assert end.summary["trials"] == {"passed": 0, "failed": 0, "errored": 0, "skipped": 0}


def test_without_a_key_nothing_is_sent(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider whose key is nowhere,
    when a pipeline runs,
    then the exit code is 2, nothing is sent, and the message names the variable.
    """
    end = lab.command("run", "words", "--json", key=None)

    assert (end.code, fake_provider.sent_count) == (2, 0)
    assert "FAKE_KEY" in end.err


def test_without_a_network_one_message_says_so(tmp_path: Path) -> None:
    """
    Given an address where nobody answers,
    when a hundred rows run,
    then the exit code is 3 and one message names the address.
    """
    with dead_server() as base_url:
        lab = Lab(tmp_path, base_url)
        lab.write_rows(100)
        step: dict[str, Any] = {**PIPELINE["steps"][0], "retry": {"initial": 0.01}}
        lab.write_pipeline(steps=[step])

        end = lab.command("run", "words", "--json")

    assert end.code == 3
    problem, advice = end.err.strip().splitlines()
    assert "closed for this run" in problem
    assert f"this goes on: promptlab resume {end.summary['run_id']}" in advice
    assert base_url in end.err
    assert lab.states().keys() == {"failed"}


def test_a_limit_of_money_holds_for_all_pipelines_of_a_command(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given two pipelines of which each would fit into --max-cost, and both would not,
    when one command runs both,
    then the first ends, the second stops at the limit of both, and the exit code is 4.
    """
    lab.write("pipelines/more.yaml", {**PIPELINE, "name": "more", "params": {"max_tokens": 49}})

    end = lab.command("run", "words", "more", "--max-cost", "0.00045", "--json")

    lines = end.out.strip().splitlines()
    assert (end.code, len(lines)) == (4, 2)
    assert '"status": "passed"' in lines[0]
    assert '"status": "limited"' in lines[1]
    assert paid(fake_provider) <= 0.00045
