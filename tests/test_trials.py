"""One trial: its steps in the order of their needs, what becomes of it, and its outputs."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.engine.completion import CompletionRequest
from promptlab.engine.provider import InvalidRequest, ProviderError, Refused
from promptlab.schemas.run import MISSING
from tests.engine_kit import Bench, ask, statuses
from tests.scripted import ScriptedProvider, texts

BROKEN = InvalidRequest("no", status=400)


def failing_on(*words: str) -> ScriptedProvider:
    """Give a provider that refuses requests that hold one of these words, and echoes the others."""

    def answer(request: CompletionRequest) -> str:
        text = request.messages[-1].text
        if any(word in text.split() for word in words):
            raise BROKEN
        return text

    return ScriptedProvider(answer)


def bench(*steps: dict[str, Any], provider: ScriptedProvider | None = None, **keys: Any) -> Bench:
    return Bench({"steps": list(steps), **keys}, provider or failing_on(), rows=({"word": "hi"},))


async def test_a_step_sees_what_it_needs() -> None:
    """
    Given a step that names the output of another, written before that one,
    when the trial runs,
    then the needed step runs first and its output is in the prompt.
    """
    one = bench(ask("b", "again: {{ a.output }}", needs=["a"]), ask("a"))

    (trial,) = await one.run()

    assert texts(one.provider.journal) == ["say hi", "again: say hi"]
    assert [step.id for step in trial.steps] == ["b", "a"]
    assert (trial.status, trial.outputs) == ("passed", "say hi")


async def test_steps_that_do_not_need_each_other_run_side_by_side() -> None:
    """
    Given four steps, two of which need nothing of each other,
    when the trial runs,
    then these two are in flight at once.
    """
    one = bench(
        ask("a", "a"), ask("b", "b", needs=["a"]), ask("c", "c", needs=["a"]), ask("d", "d", needs=["b", "c"])
    )

    (trial,) = await one.run()

    assert one.provider.most_in_flight == 2
    assert texts(one.provider.journal)[0] == "a"
    assert texts(one.provider.journal)[-1] == "d"
    assert trial.status == "passed"


async def test_what_depends_on_an_errored_step_is_skipped_all_the_way_down() -> None:
    """
    Given a chain whose first step errors, with a step beside it,
    when the trial runs,
    then what hangs on the errored step is skipped, whatever it says of errors, the rest runs.
    """
    one = bench(
        ask("a", "bad"),
        ask("b", "b", needs=["a"], on_error={"default": "x"}),
        ask("c", "c", needs=["b"]),
        ask("d", "d"),
        provider=failing_on("bad"),
    )

    (trial,) = await one.run()

    steps = {step.id: step for step in trial.steps}
    assert statuses(steps) == {"a": "errored", "b": "skipped", "c": "skipped", "d": "passed"}
    assert steps["c"].error == "needs 'b', which was skipped because of an error"
    assert trial.status == "errored"


async def test_what_depends_on_a_skipped_step_still_runs() -> None:
    """
    Given a step that is skipped by `when`, and one that errs and is skipped by `on_error`,
    when the trial runs,
    then what depends on them runs and sees no output.
    """
    seen = "{{ a.output | default('none') }} {{ b.output | default('none') }} {{ b.status }}"
    one = bench(
        ask("a", when="false"),
        ask("b", "bad", on_error="skip"),
        ask("c", seen, needs=["a", "b"]),
        provider=failing_on("bad"),
    )

    (trial,) = await one.run()

    assert trial.status == "passed"
    assert trial.outputs == "none none skipped"


async def test_a_trial_is_skipped_if_all_its_steps_are() -> None:
    """
    Given a trial whose only step is skipped, with checks on it and on the outputs,
    when it runs,
    then it is skipped and so are the checks.
    """
    one = bench(ask("a", when="false", checks=["is-json"]), checks=["is-json"])

    (trial,) = await one.run()

    assert (trial.status, trial.outputs) == ("skipped", None)
    assert [verdict.status for verdict in trial.all_verdicts] == ["skipped", "skipped"]


async def test_a_failed_check_stops_no_step() -> None:
    """
    Given a step that fails its check and one that needs it,
    when the trial runs,
    then the second runs too, and the trial failed.
    """
    one = bench(ask("a", checks=[{"equals": "other"}]), ask("b", "b {{ a.status }}", needs=["a"]))

    (trial,) = await one.run()

    assert [step.status for step in trial.steps] == ["failed", "passed"]
    assert (trial.status, trial.outputs) == ("failed", "b failed")


async def test_a_check_that_only_warns_fails_nothing() -> None:
    """
    Given a check of severity warn that fails,
    when the trial runs,
    then it passes, and the verdict is there.
    """
    one = bench(ask("a", checks=[{"type": "equals", "value": "other", "severity": "warn"}]))

    (trial,) = await one.run()

    assert (trial.status, trial.all_verdicts[0].status) == ("passed", "failed")


async def test_checks_see_columns_that_prompts_do_not() -> None:
    """
    Given a check that compares with a column which is no input,
    when the trial runs,
    then it finds it.
    """
    one = bench(ask("a", checks=[{"expression": "row_number == 0 and row['row_number'] == 0"}]))

    (trial,) = await one.run()

    assert trial.status == "passed"


async def test_outputs_are_what_the_pipeline_says() -> None:
    """
    Given outputs that name a step, a skipped one with a default, and an input,
    when the trial ends,
    then they are filled, keeping the types of single expressions.
    """
    outputs = {
        "made": "{{ a.output }}",
        "none": "{{ b.output | default(none) }}",
        "all": ["{{ word }}", "so {{ word }}", 1],
    }
    one = bench(ask("a", "[1, 2]", output="json"), ask("b", when="false"), outputs=outputs)

    (trial,) = await one.run()

    assert trial.outputs == {"made": [1, 2], "none": None, "all": ["hi", "so hi", 1]}


async def test_outputs_that_cannot_be_made_are_an_error_unless_a_step_errored() -> None:
    """
    Given outputs that name what is not there, once because a step errored,
    when the trials end,
    then the first says what is wrong with its outputs, the second what is wrong with its step.
    """
    outputs = {"made": "{{ a.output.nothing.there }}", "word": "{{ word }}"}
    (first,) = await bench(ask("a"), outputs=outputs).run()
    (second,) = await bench(ask("a", "bad"), provider=failing_on("bad"), outputs=outputs).run()

    assert (first.status, first.outputs) == ("errored", {"made": None, "word": "hi"})
    assert "outputs.made" in (first.error or "")
    assert (second.status, second.error, second.steps[0].error) == ("errored", None, "no")


async def test_a_step_that_is_left_leaves_its_trial() -> None:
    """
    Given a model that refuses the key, and a step that has a default for errors,
    when the trial runs,
    then the trial is not told as ended: it is left for a later run.
    """
    refused = ScriptedProvider(Refused("bad key", status=401))
    one = bench(ask("a", on_error={"default": "x"}), ask("b", "b", needs=["a"]), provider=refused)

    trials = await one.run()

    assert trials == []
    assert one.engine.throttle.closures["scripted/m"].message == "bad key"


@dataclass(frozen=True)
class Drawn:
    """A step as it was drawn: what it needs, and how it is to end."""

    name: str
    needs: tuple[str, ...]
    fate: str


FATES = ("passes", "fails its check", "errors", "errors, default", "errors, skipped", "when false", "left")


@st.composite
def pipelines(draw: st.DrawFn) -> list[Drawn]:
    names = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    steps = []
    for index, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        steps.append(Drawn(name, tuple(needs), draw(st.sampled_from(FATES))))
    return draw(st.permutations(steps))


def written(step: Drawn) -> dict[str, Any]:
    on_error = {"errors, default": {"default": 0}, "errors, skipped": "skip"}.get(step.fate, "fail")
    failing = step.fate == "fails its check"
    return ask(
        step.name,
        step.name,
        needs=list(step.needs),
        on_error=on_error,
        when="false" if step.fate == "when false" else None,
        checks=[{"equals": "nothing like it"}] if failing else [],
        model="closed/c" if step.fate == "left" else "scripted/m",
    )


def expected(steps: list[Drawn]) -> dict[str, str]:
    """Say how each step must end, from the contract alone."""
    fates = {step.name: step for step in steps}
    own = {"passes": "passed", "fails its check": "failed", "errors": "errored", "errors, default": "passed"}
    ended: dict[str, str] = {}

    def end(name: str) -> str:
        if name not in ended:
            below = [end(need) for need in fates[name].needs]
            cut = [state for state in below if state in ("left", "errored", "cut off")]
            fate = fates[name].fate
            ended[name] = (
                ("left" if _first_cut(fates[name], ended) == "left" else "cut off")
                if cut
                else {**own, "left": "left"}.get(fate, "skipped")
            )
        return ended[name]

    for step in steps:
        end(step.name)
    return ended


def _first_cut(step: Drawn, ended: dict[str, str]) -> str:
    return next(ended[need] for need in sorted(step.needs) if ended[need] in ("left", "errored", "cut off"))


@settings(max_examples=60, deadline=None)
@given(steps=pipelines())
def test_any_graph_of_steps_ends_as_the_contract_says(steps: list[Drawn]) -> None:
    """
    Given any steps that need each other in any way, and any fate of each,
    when their trial runs,
    then it ends, each step is asked at most once and only after its needs, and ends as it must.
    """
    errors = tuple(step.name for step in steps if step.fate.startswith("errors"))
    provider = failing_on(*errors)
    closed = ScriptedProvider(Refused("bad key", status=401))
    one = Bench(
        {"steps": [written(step) for step in steps]},
        provider,
        providers={"closed": closed},
    )
    results: dict[str, Any] = {}

    async def run() -> None:
        trial = next(one.plan.trials())
        result = await asyncio.wait_for(one.engine.runner.trials.run(trial), timeout=10)
        results.update({step.id: step for step in result.steps})
        results["trial"] = result

    asyncio.run(run())
    trial = results.pop("trial")

    asked = texts([*provider.journal, *closed.journal])
    wanted = expected(steps)
    seen = {
        name: "cut off" if result.error_kind == "dependency" else result.status
        for name, result in results.items()
    }
    assert seen == wanted
    assert len(asked) == len(set(asked))
    assert set(texts(provider.journal)) <= {
        name for name in wanted if wanted[name] not in ("left", "cut off")
    }
    order = {name: place for place, name in enumerate(asked)}
    assert all(
        order[need] < order[step.name]
        for step in steps
        for need in step.needs
        if step.name in order and need in order
    )
    assert all(
        (result.output is MISSING) == (wanted[name] not in ("passed", "failed"))
        for name, result in results.items()
    )
    worst_first = ("left", "errored", "failed", "passed", "skipped")
    assert trial.status == next(state for state in worst_first if state in wanted.values())


@pytest.mark.parametrize("shape", ["chain", "side by side"])
async def test_a_bug_in_a_step_ends_the_trial_as_that_bug(shape: str) -> None:
    """
    Given a provider with a bug, with steps in a chain or side by side,
    when the trial runs,
    then the bug comes out, and no task is left.
    """

    def break_down(_request: CompletionRequest) -> str | ProviderError:
        raise KeyError("choices")

    needs = ["a"] if shape == "chain" else []
    one = bench(ask("a", "a"), ask("b", "b", needs=needs), provider=ScriptedProvider(break_down))

    with pytest.raises(BaseExceptionGroup) as caught:
        await one.run()
    await one.engine.drain(patience=0)

    assert caught.group_contains(KeyError, match="choices")
    assert len(asyncio.all_tasks()) == 1


async def test_a_step_runs_although_a_step_errored_that_only_its_check_names() -> None:
    """
    Given a step whose check judges another step, which errors,
    when the trial runs,
    then the step has its output all the same, and its check is errored.
    """
    check = {"type": "contains", "value": "hello", "of": "c"}
    one = bench(ask("c", "bad"), ask("d", "d", checks=[check]), provider=failing_on("bad"))

    done = await one.run_one()

    assert (done["c"].status, done["d"].output) == ("errored", "d")
    assert [verdict.status for verdict in done["d"].verdicts] == ["errored"]
