"""Any pipeline, and anything that calls of it may come to: the runner against a model of what it promises."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from graphlib import TopologicalSorter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.provider import ProviderError
from promptlab.schemas.events import StepFinished
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import MISSING, TrialResult
from tests.engine_kit import Bench
from tests.generated import (
    ATTEMPTS,
    FUNCTIONS,
    LABELS,
    DecidedProvider,
    Deciding,
    Generator,
    Step,
    asked_again,
    closing,
    failing,
    shout,
)

type Outcome = tuple[str, JSON]

ERROR, DOOMED, NOTHING = ("errored", None), ("doomed", None), ("skipped", None)


# --- the model: each step of a trial one after the other


def modelled(steps: list[Step], row: Mapping[str, JSON], decide: Deciding) -> dict[str, Outcome]:
    """Give how each step ends, and its output; `doomed` is skipped because of an error."""
    written = {step["id"]: step for step in steps}
    done: dict[str, Outcome] = {}
    for name in TopologicalSorter({name: step["needs"] for name, step in written.items()}).static_order():
        step = written[name]
        if any(done[needed][0] in ("errored", "doomed") for needed in step["needs"]):
            done[name] = DOOMED
        else:
            done[name] = excused(step, outcome(step, row, done, decide))
    return done


def excused(step: Step, found: Outcome) -> Outcome:
    on_error = step["on_error"]
    if found != ERROR or on_error == "fail":
        return found
    return NOTHING if on_error == "skip" else ("passed", on_error["default"])


def outcome(step: Step, row: Mapping[str, JSON], done: Mapping[str, Outcome], decide: Deciding) -> Outcome:
    wanted = condition(step.get("when"), row, done)
    if not wanted:
        return ERROR if wanted is None else NOTHING
    text = filled(step["with"]["text"] if "python" in step else step["messages"][0]["content"], row, done)
    if "python" in step:
        try:
            return "passed", shout(text=text)
        except ValueError:
            return ERROR
    return answer(step, text, decide)


def answer(step: Step, text: str, decide: Deciding) -> Outcome:
    for times in range(ATTEMPTS if "retry" in step else 1):
        said = decide(asked_again(text, times))
        if isinstance(said, ProviderError):
            return ERROR
        if said in LABELS or "output" not in step:
            return "passed", said
    return ERROR


def condition(when: str | None, row: Mapping[str, JSON], done: Mapping[str, Outcome]) -> bool | None:
    """Say whether a step is wanted; None where its condition cannot be told."""
    if when is None:
        return True
    if when == "word.nothing.there":
        return None
    left, operator, right = when.rsplit(" ", 2)
    value = row["word"] if left == "word" else seen(done[left.split(".")[0]], "no")
    return (value == right.strip("'")) is (operator == "==")


def filled(template: str, row: Mapping[str, JSON], done: Mapping[str, Outcome]) -> str:
    text = template.replace("{{ word }}", str(row["word"]))
    for name, found in done.items():
        text = text.replace(f"{{{{ {name}.output | default('none') }}}}", str(seen(found, "none")))
    return text


def seen(found: Outcome, default: str) -> JSON:
    return found[1] if found[0] == "passed" else default


def status_of(done: Mapping[str, Outcome]) -> str:
    statuses = {status for status, _ in done.values()}
    if "errored" in statuses:
        return "errored"
    return "skipped" if statuses <= {"skipped", "doomed"} else "passed"


# --- the real thing


class Ran:
    """A generated pipeline, run by a provider that does `decide`."""

    def __init__(self, random: Random, decide: Deciding, *, limited: bool = False) -> None:
        generator = Generator(random)
        self.pipeline, self.rows, self.decide = generator.pipeline(), generator.rows(), decide
        self.options = RunOptions(
            limits=Limits(requests=random.randint(1, 8)) if limited else Limits(),
            max_concurrency=random.choice([None, 1, 2]),
            fresh=random.random() < 0.1,
        )
        self.log = MemoryCallLog()
        self.trials: list[TrialResult] = []

    def run(self, **changes: Any) -> Bench:
        usual = {"options": self.options, "log": self.log, "rows": self.rows, "functions": FUNCTIONS}
        options: dict[str, Any] = usual | changes
        self.bench = Bench(self.pipeline, DecidedProvider(decide=self.decide), **options)
        self.trials = asyncio.run(self.bench.run())
        return self.bench

    @property
    def told(self) -> Counter[tuple[str, int, str]]:
        """Count how often each step of each trial was told to have ended."""
        events = self.bench.heard.of(StepFinished)
        return Counter((event.trial.row_id, event.trial.repeat, event.result.id) for event in events)

    @property
    def planned(self) -> int:
        return self.bench.plan.size

    def require_agreement(self) -> None:
        """Hold each trial that ended to the model."""
        for trial in self.trials:
            done = modelled(self.pipeline["steps"], self.rows[trial.key.row], self.decide)
            wanted = {name: (status_in_result(status), output) for name, (status, output) in done.items()}
            found = {
                step.id: (step.status, None if step.output is MISSING else step.output)
                for step in trial.steps
            }
            assert found == wanted
            assert trial.status == status_of(done)
            assert trial.outputs == {name: seen(found, "none") for name, found in done.items()}


def status_in_result(status: str) -> str:
    return "skipped" if status == "doomed" else status


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False))
def test_every_trial_ends_as_the_model_says(random: Random) -> None:
    """
    Given any pipeline, and any pattern of answers, invalid answers, faults and refusals,
    when it is run,
    then every trial ends, each step of it once, as the model says; and nothing answered is asked again.
    """
    one = Ran(random, failing)

    one.run()

    assert len(one.trials) == one.planned
    assert set(one.told.values()) == {1}
    assert len(one.told) == one.planned * len(one.pipeline["steps"])
    assert set(Counter(one.bench.provider.answered).values()) <= {1}  # type: ignore[attr-defined]
    one.require_agreement()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.booleans())
def test_a_run_that_is_stopped_ends_and_the_next_one_goes_on(random: Random, limited: bool) -> None:  # noqa: FBT001
    """
    Given any pipeline, and a provider that refuses the key at some time, or a limit of requests,
    when it is run, and run again without these,
    then the first run ends with no step run twice; the second ends every trial, and asks for nothing again.
    """
    one = Ran(random, closing, limited=limited)

    one.run()
    first, told = one.bench.provider, one.told
    one.require_agreement()
    kept = {request.fingerprint for request in first.journal if one.log.completions.get(request.fingerprint)}
    stopped = bool(one.bench.engine.throttle.closures) or one.bench.brake.stop is not None
    ended = len(one.trials)
    one.decide = failing
    one.run(log=one.log.new_run(), options=RunOptions())

    assert set(told.values()) <= {1}
    assert ended == one.planned or stopped
    assert len(one.trials) == one.planned
    one.require_agreement()
    asked = {request.fingerprint for request in one.bench.provider.journal}
    assert not (asked & kept) or any(step.get("recall") is False for step in one.pipeline["steps"])


def test_the_generated_trials_are_of_all_kinds() -> None:
    """
    Given the pipelines of many seeds,
    when they are run,
    then steps pass, fail, are skipped and doomed, and models are closed: the model is held to something.
    """
    found: Counter[str] = Counter()
    for seed in range(60):
        one = Ran(Random(seed), closing)
        one.run()
        found["closed"] += bool(one.bench.engine.throttle.closures)
        for row in one.rows:
            done = modelled(one.pipeline["steps"], row, closing)
            found.update(status for status, _ in done.values())

    assert min(found[kind] for kind in ("passed", "errored", "skipped", "doomed", "closed")) > 5
