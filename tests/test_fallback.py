"""Fallbacks: which failures they stand in for, whose answer counts, and what is told of it."""

from pathlib import Path
from typing import Any

import pytest

from promptlab.cli.result import warnings
from promptlab.schemas.run import StepResult
from tests.fakes import FakeProvider, ReceivedRequest, dead_server
from tests.lab import Lab, paid
from tests.loading_kit import load

RETRY = {"initial": 0, "max_attempts": 2}
FIRST, SECOND, THIRD = '"model": ?"model-1"', '"model": ?"model-2"', '"model": ?"model-3"'


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(1)
    return lab


def write(lab: Lab, *fallback: str, step: Any = None, **keys: Any) -> None:
    """Write a pipeline of one prompt, on fake/model-1."""
    names = [name if "/" in name else f"fake/{name}" for name in fallback or ("model-2",)]
    options = {"fallback": names, "retry": RETRY, **(step or {})}
    lab.write_pipeline(steps=[{"id": "say", "prompt": "prompts/say.j2", **options}], **keys)


def say(lab: Lab, *fallback: str, step: Any = None, **keys: Any) -> StepResult:
    """Run it over the first row; give the step's result."""
    write(lab, *fallback, step=step, **keys)
    lab.run()
    return lab.trials[0].steps[0]


def models(requests: list[ReceivedRequest]) -> list[str]:
    return [request.body["model"] for request in requests]


# --- which failures


@pytest.mark.parametrize(
    ("fault", "attempts", "state"),
    [
        ({"status": 429, "retry_after": {"ms": 1}}, 2, "failed"),
        ({"status": 500}, 2, "failed"),
        ({"status": 400}, 1, "failed"),
        ({"status": 401}, 1, "failed"),
        ({"status": 404}, 1, "failed"),
        ({"status": 429, "retry_after": 3600}, 1, "failed"),
        ({"fault": "cut-body"}, 2, "unknown"),
        ({"fault": "hang"}, 2, "unknown"),
    ],
)
def test_a_fallback_answers_where_the_model_fails_for_good(
    tmp_path: Path, fake_provider: FakeProvider, fault: dict[str, Any], attempts: int, state: str
) -> None:
    """
    Given a model that fails in one of the ways in which models fail, and a fallback,
    when the step runs,
    then the model had its attempts, the fallback's answer counts, under its name, and the run is well.
    """
    lab = Lab(tmp_path, fake_provider.base_url, {"timeout": 0.5})
    lab.write_rows(1)
    fake_provider.script({"body": FIRST, **fault}, {"answer": "word-0000."})
    write(lab)

    summary = lab.run()

    step = lab.trials[0].steps[0]
    assert models(fake_provider.requests()) == ["model-1"] * attempts + ["model-2"]
    assert (step.status, step.output, step.model) == ("passed", "word-0000.", "fake/model-2")
    assert (summary.exit_code, summary.status, summary.stopped) == (0, "passed", None)
    assert lab.states() == {state: attempts, "received": 1}
    assert [call.attempts for call in step.calls] == [attempts, 1]
    assert summary.cost_usd == step.cost_usd


def test_a_fallback_answers_where_nobody_is_reached(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model at an address where nobody answers,
    when the step runs,
    then its fallback elsewhere answers.
    """
    with dead_server() as address:
        entries = {"fake": {"type": "openai", "base_url": fake_provider.base_url, "api_key": "${FAKE_KEY}"}}
        gone = {"type": "openai", "base_url": address}
        lab.write("promptlab.yaml", {"version": 1, "providers": {**entries, "gone": gone}})

        step = say(lab, model="gone/m")

    assert (step.status, step.model) == ("passed", "fake/model-2")
    assert models(fake_provider.requests()) == ["model-2"]


def test_a_closed_model_is_asked_once_and_its_fallback_for_all_rows(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a model that refuses the key, and ten rows,
    when the pipeline runs on one call at a time,
    then the model is asked once, the fallback for every row, the run passes, and says so once.
    """
    lab.write_rows(10)
    fake_provider.script({"body": FIRST, "status": 401})
    write(lab)

    done = lab.command("run", "words", "--max-concurrency", "1", "--json")

    assert models(fake_provider.requests()).count("model-1") == 1
    assert models(fake_provider.requests()).count("model-2") == 10
    assert (done.code, done.summary["status"], done.summary["trials"]["passed"]) == (0, "passed", 10)
    assert done.err.count("fake/model-2 was asked 10 times where fake/model-1 failed: refused (401)") == 1
    assert "stopped" not in done.err


def test_fallbacks_are_asked_in_order(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given two fallbacks of which the first fails too,
    when the step runs,
    then the second one answers.
    """
    fake_provider.script({"body": FIRST, "status": 404}, {"body": SECOND, "status": 400})

    step = say(lab, "model-2", "model-3")

    assert models(fake_provider.requests()) == ["model-1", "model-2", "model-3"]
    assert (step.status, step.model) == ("passed", "fake/model-3")


def test_where_all_fail_the_step_says_why_of_each(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model that is closed and a fallback that does not take the request,
    when the step runs,
    then it errors, not left for later, with both reasons, and what both cost is nothing.
    """
    fake_provider.script({"body": FIRST, "status": 401}, {"body": SECOND, "status": 400})
    write(lab)

    summary = lab.run()

    step = lab.trials[0].steps[0]
    assert (step.status, step.error_kind, step.spent_usd) == ("errored", "invalid_request", 0.0)
    assert "fake/model-1: refused (401)" in str(step.error)
    assert "; then fake/model-2: the request is not taken (400)" in str(step.error)
    assert summary.exit_code == 1


def test_where_all_are_closed_the_run_cannot_go_on(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model and a fallback that both refuse the key,
    when the pipeline runs, and once more when they take it,
    then it ends with 3 and names both; what was left is done later.
    """
    lab.write_rows(3)
    fake_provider.script({"status": 401})
    write(lab)
    refused = lab.run()
    fake_provider.script({"answer": "word-"})

    later = lab.run()

    assert (refused.exit_code, refused.status) == (3, "errored")
    assert "fake/model-1: refused" in str(refused.stopped)
    assert "fake/model-2: refused" in str(refused.stopped)
    assert refused.planned - sum(refused.trials.values()) == 3
    assert sum(later.trials.values()) == 3
    assert later.exit_code != 3


def test_an_answer_that_is_none_is_no_reason_to_fall_back(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model whose answer is not what the output asks for,
    when the step runs,
    then its fallback is not asked: the model did answer.
    """
    fake_provider.script({"answer": "hm"})

    step = say(lab, step={"output": {"enum": ["yes"]}})

    assert (step.error_kind, models(fake_provider.requests())) == ("invalid_output", ["model-1"])


def test_a_limit_is_no_reason_to_fall_back(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit of requests that the model's attempts use up,
    when the step runs,
    then no fallback is asked, and the run stops with 4, though a model was closed that has a fallback.
    """
    fake_provider.script({"body": FIRST, "status": 401})
    lab.write_rows(3)
    write(lab, limits={"requests": 2})

    done = lab.command("run", "words", "--max-concurrency", "1", "--json")

    assert len(fake_provider.requests()) == 2
    assert (done.code, done.summary["status"]) == (4, "limited")


# --- what it costs and what is recalled


def test_the_answers_of_fallbacks_are_recalled(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which a fallback answered, as the model does not take the request,
    when the pipeline runs again, though the model is well by then,
    then nothing is asked: the fallback's answer is the step's, and the run says so, and what asks again.
    """
    fake_provider.script({"body": FIRST, "status": 400})
    first = say(lab)
    fake_provider.script({"answer": "well"})

    summary = lab.run()

    again = lab.trials[0].steps[0]
    assert models(fake_provider.requests()) == ["model-1", "model-2"]
    assert first.spent_usd == first.cost_usd
    assert (again.output, again.spent_usd, again.cost_usd) == (first.output, 0.0, first.cost_usd)
    assert (again.model, again.recalled) == ("fake/model-2", True)
    (said,) = warnings(summary)
    assert "fake/model-2 stood in 1 time for fake/model-1, which failed before" in said
    assert "(`--model fake/model-1` asks it again): the request is not taken (400)" in said
    assert lab.query("select sum(spent_usd) from attempts")[0][0] == pytest.approx(paid(fake_provider))


@pytest.mark.parametrize("asking", [["--model", "fake/model-1"], ["--fresh"]])
def test_the_model_is_asked_again_where_that_is_wanted(
    lab: Lab, fake_provider: FakeProvider, asking: list[str]
) -> None:
    """
    Given a fallback's recorded answer, and a model that is well again,
    when the pipeline is run with that model alone or afresh, and then as ever,
    then the model is asked once, and its answer is the step's from then on.
    """
    fake_provider.script({"body": FIRST, "status": 400})
    say(lab)
    fake_provider.script({"answer": "well"})

    asked = lab.command("run", "words", *asking, "--json")
    lab.run()

    later = lab.trials[0].steps[0]
    assert asked.summary["calls"]["sent"] == 1
    assert models(fake_provider.requests()) == ["model-1", "model-2", "model-1"]
    assert (later.model, later.output) == ("fake/model-1", "well")


@pytest.mark.parametrize("status", [401, 404])
def test_a_model_that_could_not_be_asked_at_all_is_asked_first_again(
    lab: Lab, fake_provider: FakeProvider, status: int
) -> None:
    """
    Given a fallback that answered as the model's key was refused, or nobody knew the model,
    when that is mended and the pipeline runs again,
    then the model is asked.
    """
    fake_provider.script({"body": FIRST, "status": status})
    say(lab)
    fake_provider.script({"answer": "well"})

    lab.run()

    assert lab.trials[0].steps[0].model == "fake/model-1"


def test_an_answer_that_another_step_bought_stands_for_no_model(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given an answer of the fallback to the same request that a variant on that model bought,
    when the model itself is asked for the first time,
    then it is asked.
    """
    lab.write_pipeline(model="fake/model-2")
    lab.write_rows(1)
    lab.run()

    step = say(lab)

    assert models(fake_provider.requests()) == ["model-2", "model-1"]
    assert step.model == "fake/model-1"


def test_under_a_limit_of_requests_each_run_goes_on_where_fallbacks_answered(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a model that always fails, a fallback, and a limit of requests that two rows use up,
    when the same command runs until it ends,
    then each run answers rows that the one before left.
    """
    lab.write_rows(6)
    fake_provider.script({"body": FIRST, "status": 500})
    write(lab, limits={"requests": 6})

    codes: list[int] = []
    while codes[-1:] != [0] and len(codes) < 6:
        codes.append(lab.run(max_concurrency=1).exit_code)

    assert codes[-1] == 0
    assert set(codes[:-1]) == {4}
    assert models(fake_provider.requests()).count("model-2") == 6


def test_a_plan_recalls_the_answers_of_fallbacks_as_a_run_does(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which a fallback answered,
    when the next run is planned, and rendered,
    then nothing is to be called.
    """
    fake_provider.script({"body": FIRST, "status": 400})
    say(lab)

    done = lab.command("plan", "words", "--json")

    total = done.summary["total"]
    assert (total["call"], total["open"], total["recall"]) == (0, 0, 1)


def test_a_fallback_is_told_what_was_wrong_like_the_model(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step that asks again after an invalid output, and a model that fails the second time,
    when the step runs,
    then the fallback is shown the conversation.
    """
    fake_provider.script({"body": FIRST, "nth": 1, "answer": "hm"}, {"body": FIRST, "nth": 2, "status": 400})
    output = {"enum": ["Say word-0000.", "yes"]}

    say(lab, step={"output": output, "retry": {**RETRY, "on": ["invalid_output"]}})

    assert models(fake_provider.requests())[:3] == ["model-1", "model-1", "model-2"]
    assert len(fake_provider.requests()[2].body["messages"]) == 3


def test_a_fallback_without_a_price_is_refused_under_a_limit_of_cost(lab: Lab) -> None:
    """
    Given a limit of cost, and a fallback whose price nobody knows,
    when the pipeline is run,
    then nothing is called: the run ends with 2 and names it.
    """
    other = {"type": "openai", "base_url": lab.base_url, "api_key": "${FAKE_KEY}"}
    entries = {"fake": other, "other": other}
    prices = {"fake/*": {"input": 1, "output": 1}}
    lab.write("promptlab.yaml", {"version": 1, "providers": entries, "prices": prices})
    write(lab, "other/m", limits={"cost_usd": 1})

    done = lab.command("run", "words")

    assert done.code == 2
    assert "the price of other/m is unknown" in done.err


# --- who may be asked


def test_a_fallback_without_a_key_is_a_problem_only_where_it_is_needed(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a fallback whose key is not there,
    when the model answers, and when it does not,
    then nothing is said of the key; then the step fails by both.
    """
    entry = {"type": "openai", "base_url": lab.base_url}
    entries = {"fake": {**entry, "api_key": "${FAKE_KEY}"}, "other": {**entry, "api_key": "${OTHER_KEY}"}}
    lab.write("promptlab.yaml", {"version": 1, "providers": entries})

    well = say(lab, "other/m")
    fake_provider.script({"status": 400})
    lab.write_rows(2)
    write(lab, "other/m")
    lab.run()
    needed = lab.trials[-1].steps[0]

    assert (well.status, well.model) == ("passed", "fake/model-1")
    assert needed.status == "errored"
    assert "export OTHER_KEY" in str(needed.error)


def test_a_model_without_a_key_falls_back_before_anything_is_sent(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a model whose key is not there, and a fallback that has one,
    when the pipeline runs,
    then it passes by the fallback.
    """
    entry = {"type": "openai", "base_url": lab.base_url}
    entries = {"fake": {**entry, "api_key": "${FAKE_KEY}"}, "other": {**entry, "api_key": "${OTHER_KEY}"}}
    lab.write("promptlab.yaml", {"version": 1, "providers": entries})

    step = say(lab, model="other/m")

    assert (step.status, step.model) == ("passed", "fake/model-2")
    assert models(fake_provider.requests()) == ["model-2"]


def test_who_asks_for_a_model_gets_no_other(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step with a fallback,
    when it is run with --model on one that fails,
    then no fallback is asked.
    """
    fake_provider.script({"body": THIRD, "status": 400})
    write(lab)

    done = lab.command("run", "words", "--model", "fake/model-3", "--json")

    assert models(fake_provider.requests()) == ["model-3"]
    assert done.summary["trials"]["errored"] == 1


def test_a_variant_on_a_fallback_asks_it_once(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a variant whose model is the step's fallback,
    when that fails,
    then it is not asked a second time.
    """
    fake_provider.script({"status": 400})
    write(lab, variants={"other": {"model": "fake/model-2"}})

    lab.run()

    assert models(fake_provider.requests()) == ["model-2"]


def test_doctor_looks_at_fallbacks_too(lab: Lab) -> None:
    """
    Given a pipeline with a fallback,
    when the doctor looks at its models,
    then the fallback is among them.
    """
    write(lab)

    done = lab.command("doctor")

    assert "fake/model-2" in done.out + done.err


# --- what is found before a run

PIPELINE = """
version: 1
model: echo/echo
params: {{temperature: 0}}
steps:
  - id: a
    messages: [{{role: user, content: hi}}]
    fallback: {}
"""


@pytest.mark.parametrize(
    ("fallback", "problems"),
    [
        ("[echo/b, echo/c]", []),
        ("[echo/echo]", []),
        ("[]", []),
        ("echo/b", ["7:15: steps.fallback must be a list, but is text, 'echo/b'"]),
        ("[3]", ["7:16: steps.fallback must be text, but is a number, 3"]),
        ("[gpt]", ["7:16: 'gpt' is no model"]),
        ("[echo/b, ehco/c]", ["7:24: unknown provider 'ehco'; did you mean 'echo'?"]),
        (
            "[nope/x, anthropic/claude-haiku-4-5]",
            ["7:16: unknown provider 'nope'", "7:24: step 'a': claude-haiku-4-5 has no temperature"],
        ),
        ("[echo/b, echo/b]", ["7:24: steps.fallback: echo/b is named twice"]),
    ],
)
def test_what_a_fallback_may_not_say_is_told_at_its_place(fallback: str, problems: list[str]) -> None:
    """
    Given fallbacks of which some are no models, unknown, or refuse a parameter,
    when the pipeline is loaded,
    then each is told where it stands.
    """
    found = load(PIPELINE.format(fallback)).problems

    assert [one[: len(wanted)] for one, wanted in zip(found, problems, strict=True)] == problems


def test_only_steps_that_ask_a_model_have_fallbacks() -> None:
    """
    Given a step of another kind,
    when it says a fallback,
    then that is an unknown key.
    """
    pipeline = PIPELINE.format("[echo/b]").replace(
        "messages: [{role: user, content: hi}]", "http: {url: 'https://h.example'}"
    )

    assert load(pipeline).problems == ["7:5: unknown key 'fallback'"]
