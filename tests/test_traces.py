"""What checks see of how a step came about: tries, turns, calls of tools, and why it ended."""

from pathlib import Path

import pytest

from promptlab.core.json import JSON
from promptlab.engine.rendering import Renderer
from promptlab.engine.scope import step_names
from promptlab.engine.trace import PARTS, trace_of, traced_names
from promptlab.schemas.run import StepCall
from tests.fakes import FakeProvider
from tests.judged import evidence, step, verdicts
from tests.lab import Lab
from tests.loading_kit import load
from tests.structure_samples import said

SEEN = """
version: 1
inputs: {ticket: string}
dataset: [{ticket: hello}]
steps:
  - id: classify
    when: ticket != ''
    messages: [{role: user, content: "{{ ticket }}"}]
    checks: [{expression: "classify.trace.attempts <= 2"}]
  - id: reply
    messages: [{role: user, content: "PROMPT"}]
checks:
  - {expression: "classify.trace.CHECKED"}
metrics:
  - {name: ends, classification: {expected: stop, actual: "{{ reply.trace.finish_reason }}"}}
"""


def call(*, attempts: int = 1, recalled: bool = False, tool: bool = False) -> StepCall:
    return StepCall(fingerprint="f", completion_id=1, recalled=recalled, attempts=attempts, tool=tool)


def test_a_trace_tells_how_a_step_came_about() -> None:
    """
    Given a step whose model called two tools, was tried again, and was cut off,
    when its trace is told,
    then it has the tries, the turns, the calls with their arguments, and why it ended in our words.
    """
    calls = (call(attempts=3), call(attempts=0, tool=True), call())
    made = said(("status", '{"order": "A1"}'), ("stock", "{"), None, calls=calls, finish_reason="max_tokens")

    trace = trace_of(made)

    assert tuple(trace) == PARTS
    assert trace == {
        "attempts": 4,
        "retries": 2,
        "recalled": False,
        "finish_reason": "length",
        "turns": 3,
        "tool_calls": [{"name": "status", "arguments": {"order": "A1"}}, {"name": "stock", "arguments": "{"}],
    }


def test_a_trace_adds_up_the_steps_inside() -> None:
    """
    Given a step that ran two inside itself, one of them without a model,
    when its trace is told,
    then it counts what these did, and is recalled where all answers of models are.
    """
    asked = said(("status", "{}"), id="a[0].b", calls=(call(attempts=0, recalled=True),))
    outer = step([1], id="a", inner=(asked, step(1, id="a[0].c")))

    trace = trace_of(outer)

    assert (trace["turns"], trace["attempts"], trace["recalled"], trace["finish_reason"]) == (
        1,
        0,
        True,
        None,
    )
    assert trace["tool_calls"] == [{"name": "status", "arguments": {}}]


def test_only_checks_see_a_trace() -> None:
    """
    Given a step,
    when its names are told to other steps, and to checks,
    then the trace is there for checks alone, so that no prompt depends on what was recalled.
    """
    made = step("x", status="skipped")

    assert "trace" not in step_names(made)
    assert traced_names(made)["trace"] == trace_of(made)


async def test_expressions_see_traces() -> None:
    """
    Given steps that were retried, skipped, and recalled,
    when expressions of checks name their traces,
    then each holds or not.
    """
    steps = (
        step("x", calls=(call(attempts=2),), finish_reason="stop"),
        step(id="draft", status="skipped"),
        said(("stock", "{}"), id="reply", calls=(call(attempts=0, recalled=True),)),
    )
    wanted: dict[str, str] = {
        "step.trace.retries == 0": "failed",
        "step.trace.attempts == 2 and step.status == 'passed'": "passed",
        "step.trace.finish_reason in ['stop', 'tool_calls']": "passed",
        "draft.status == 'skipped' and draft.trace.attempts == 0": "passed",
        "reply.trace.recalled": "passed",
        "'stock' in reply.trace.tool_calls | map(attribute='name')": "passed",
        "reply.trace.turnings": "errored",
    }
    checks: list[JSON] = [{"expression": source} for source in wanted]
    async with Renderer() as renderer:
        found = await verdicts(checks, evidence(*steps, render=renderer))

    assert dict(zip(wanted, (one.status for one in found), strict=True)) == wanted, found
    assert "the object has no 'turnings'" in found[-1].reason


@pytest.mark.parametrize(
    ("prompt", "checked", "problem", "hint"),
    [
        (
            "{{ classify.trace.turns }}",
            "turns",
            "10:42: only checks and metrics see the trace of a step",
            "say classify.output, .status or .messages",
        ),
        (
            "hi",
            "attemps",
            "12:19: classify.trace has no 'attemps'",
            "did you mean 'attempts'?",
        ),
        (
            "hi",
            "finish_reason == 'lenght'",
            "12:52: classify.trace.finish_reason is never 'lenght'",
            "did you mean 'length'?",
        ),
    ],
)
def test_validate_knows_what_a_trace_has(prompt: str, checked: str, problem: str, hint: str) -> None:
    """
    Given a pipeline that names a trace where there is none, or a part that no trace has,
    when it is loaded,
    then that is a problem at its place, and a right name beside it is none.
    """
    loaded = load(SEEN.replace("PROMPT", prompt).replace("CHECKED", checked))

    assert (loaded.problems, loaded.hints) == ([problem], [hint])


def test_a_retry_is_seen_when_it_happens_and_when_it_is_judged_again(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a provider that fails once,
    when a run has a check on retries, and is judged again from the log,
    then both see the retry.
    """
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(1)
    checks = [{"expression": "say.trace.retries == 1 and say.trace.attempts == 2"}]
    retry = {"initial": 0.001, "max": 0.001}
    lab.write_pipeline(steps=[{"id": "say", "prompt": "prompts/say.j2", "checks": checks, "retry": retry}])
    fake_provider.script({"status": 500, "first": 1}, {"answer": "hi"})

    ran = lab.run()
    again = lab.command("check", "last", "--json")

    assert (ran.status, again.summary["status"]) == ("passed", "passed")
