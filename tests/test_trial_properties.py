"""Any pipeline, and anything that calls of it may come to: the runner against a model of what it promises."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.schemas.events import StepFinished
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import MISSING, TrialResult
from tests.engine_kit import Bench
from tests.generated import (
    FUNCTIONS,
    DecidedProvider,
    Deciding,
    Generator,
    closing,
    every_step,
    failing,
)
from tests.modelled import Done, Model, seen, status_of


class Ran:
    """A generated pipeline, run by a provider that does `decide`."""

    def __init__(self, random: Random, decide: Deciding, *, limited: bool = False, nests: bool) -> None:
        generator = Generator(random, nests=nests)
        self.pipeline, self.rows, self.decide = generator.pipeline(), generator.rows(), decide
        self.options = RunOptions(
            limits=Limits(requests=random.randint(1, 8)) if limited else Limits(),
            max_concurrency=random.choice([None, 1, 2]),
            fresh=random.random() < 0.1,
        )
        self.pipelines = generator.pipelines
        self.log = MemoryCallLog()
        self.trials: list[TrialResult] = []

    def run(self, **changes: Any) -> Bench:
        usual = {"options": self.options, "log": self.log, "rows": self.rows, "functions": FUNCTIONS}
        usual |= {"pipelines": self.pipelines}
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

    def modelled(self, row: int) -> tuple[Done, Done]:
        """Give how the steps of a trial end by id, and those inside them too by path."""
        model = Model(self.decide, self.pipelines)
        return model.run(self.pipeline["steps"], self.rows[row], {}), model.ended

    def require_agreement(self) -> None:
        """Hold each trial that ended to the model: each step ran once, and no other did."""
        for trial in self.trials:
            done, ended = self.modelled(trial.key.row)
            wanted = {name: (status_in_result(status), output) for name, (status, output) in ended.items()}
            steps = trial.all_steps
            found = {
                step.id: (step.status, None if step.output is MISSING else step.output) for step in steps
            }
            assert found == wanted
            assert len(steps) == len(wanted)
            assert trial.status == status_of(done)
            assert trial.outputs == {name: seen(found, "none") for name, found in done.items()}

    @property
    def in_the_model(self) -> Counter[tuple[str, int, str]]:
        """Count the steps that should be told to have ended."""
        repeats = range(self.pipeline["repeat"])
        return Counter(
            (str(row), repeat, path)
            for row in range(len(self.rows))
            for repeat in repeats
            for path in self.modelled(row)[1]
        )


def status_in_result(status: str) -> str:
    return "skipped" if status == "doomed" else status


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.booleans())
def test_every_trial_ends_as_the_model_says(random: Random, nests: bool) -> None:  # noqa: FBT001
    """
    Given any pipeline, with steps inside steps or without, and any pattern of answers, invalid answers,
    faults and refusals,
    when it is run,
    then every trial ends, each step of it once, as the model says; and nothing answered is asked again.
    """
    one = Ran(random, failing, nests=nests)

    one.run()

    assert len(one.trials) == one.planned
    assert one.told == one.in_the_model
    assert set(Counter(one.bench.provider.answered).values()) <= {1}  # type: ignore[attr-defined]
    one.require_agreement()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_a_run_that_is_stopped_ends_and_the_next_one_goes_on(
    random: Random,
    limited: bool,  # noqa: FBT001
    nests: bool,  # noqa: FBT001
) -> None:
    """
    Given any pipeline, and a provider that refuses the key at some time, or a limit of requests,
    when it is run, and run again without these,
    then the first run ends with no step run twice; the second ends every trial, and asks for nothing again.
    """
    one = Ran(random, closing, limited=limited, nests=nests)

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
    assert not (asked & kept) or any(
        step.get("recall") is False for step in every_step(one.pipeline["steps"], one.pipelines)
    )


@pytest.mark.parametrize("nests", [False, True])
def test_the_generated_trials_are_of_all_kinds(nests: bool) -> None:  # noqa: FBT001
    """
    Given the pipelines of many seeds,
    when they are run,
    then steps pass, fail, are skipped and doomed, and models are closed: the model is held to something.
    """
    found: Counter[str] = Counter()
    for seed in range(60):
        one = Ran(Random(seed), closing, nests=nests)
        one.run()
        found["closed"] += bool(one.bench.engine.throttle.closures)
        for row in range(len(one.rows)):
            done, ended = one.modelled(row)
            found.update(status for status, _ in done.values())
            found.update(f"inner {status}" for path, (status, _) in ended.items() if path not in done)

    kinds = ("passed", "errored", "skipped", "doomed")
    inner = [f"inner {kind}" for kind in kinds] if nests else []
    assert min(found[kind] for kind in (*kinds, *inner, "closed")) > 5
