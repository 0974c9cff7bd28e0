"""What a run leaves behind: trials with their steps and verdicts, and the run's own facts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property
from itertools import chain
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.ratings import TrialRating

type StepStatus = Literal["passed", "failed", "errored", "skipped", "left"]
type TrialStatus = Literal["passed", "failed", "errored", "skipped", "left"]
type VerdictStatus = Literal["passed", "failed", "errored", "skipped"]
type Sample = tuple[str | None, str | None]  # the class that a trial should give, and the one it gave
type RunStatus = Literal["passed", "failed", "errored", "limited", "interrupted"]
type Place = tuple[int, str, int]


ITEM = re.compile(r"\[\d+\]")
LAST_ITEM = re.compile(r"\[\d+\]$")
DIGITS = 12  # of a sum, after the point: far below the price of a token
OF_ANSWERS = ("invalid_output", "max_turns")  # the kinds of errors that recalled answers bring again


class _Missing:
    """The output of a step that has none; JSON null is an output."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


@frozen(kw_only=True)
class StepCall:
    """One completion that a step used, or (`tool`) what a tool gave."""

    fingerprint: str
    completion_id: int | None
    recalled: bool
    attempts: int
    tool: bool = False


@frozen(kw_only=True)
class Asked:
    """What a check asked of the models that judge, and what that took: USD (None: unknown) and ms."""

    model: str | None
    calls: tuple[StepCall, ...]
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    spent_usd: float | None = 0.0
    latency_ms: float = 0.0


@frozen(kw_only=True)
class Verdict:
    """What one check said of one value: a score in 0..1 and why.

    `step`: the path of a step, as `parts[2].part`; None: a pipeline's check. `asked`: of models, if any.
    `versus`: where it failed, what its value says and what was judged, as texts; the log does not keep them.
    """

    step: str | None
    name: str
    type: str
    status: VerdictStatus
    score: float
    reason: str
    metric: str | None = None
    weight: float = 1.0
    severity: Literal["error", "warn"] = "error"
    asked: Asked | None = None
    versus: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def is_serious(self) -> bool:
        """Whether it keeps a trial from passing."""
        return self.severity == "error" and self.status in ("failed", "errored")

    @property
    def is_unread(self) -> bool:
        """Whether it is errored though all judges answered; what they said is recalled."""
        answered = self.asked is not None and all(call.completion_id for call in self.asked.calls)
        return self.status == "errored" and answered


@frozen(kw_only=True)
class StepResult:
    """How a step of a trial ended. Costs in USD, times in ms; None: unknown.

    `left`: not done and not failed; a later run does it. `output` is MISSING where there is none. `id` is the
    path of a step inside another: `parts[2].part`. `inner`: the steps that it ran inside itself; what they
    took is theirs, so that adding up over `flat` counts all once.
    `said`: how many of `messages`, at their end, came after the step's own, its answer included.
    `logprobs`: of the tokens of its last answer, None where the model did not tell them.
    """

    id: str
    status: StepStatus
    output: JSON | _Missing = MISSING
    messages: tuple[Mapping[str, JSON], ...] = ()
    said: int = 0
    model: str | None = None
    calls: tuple[StepCall, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    spent_usd: float | None = 0.0
    latency_ms: float | None = 0.0
    finish_reason: str | None = None
    logprobs: tuple[float, ...] | None = None
    error: str | None = None
    error_kind: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    inner: "tuple[StepResult, ...]" = ()

    @property
    def flat(self) -> "tuple[StepResult, ...]":
        """The step, then all that ran inside it, at any depth."""
        if not self.inner:
            return (self,)
        return (self, *(one for step in self.inner for one in step.flat))

    @property
    def made(self) -> JSON:
        """The output of a step that has one; null where it has none."""
        return None if isinstance(self.output, _Missing) else self.output

    @property
    def recalled(self) -> bool:
        """Whether no model was asked for it; what its tools gave may be new."""
        calls = [call for call in self.calls if not call.tool]
        return bool(calls) and all(call.recalled for call in calls)

    @property
    def is_unfit(self) -> bool:
        """Whether it errored over what its model answered, which a resume recalls."""
        return self.status == "errored" and self.error_kind in OF_ANSWERS

    @property
    def attempts(self) -> int:
        return sum(call.attempts for call in self.calls)


@frozen(kw_only=True)
class TrialKey:
    """Which trial: row × cell × repeat. `cell` is the whole name, `few-shot llm=small`."""

    row: int
    row_id: str
    cell: str
    variant: str = "base"
    axes: Mapping[str, JSON] = field(default_factory=dict)
    repeat: int = 0

    @property
    def place(self) -> Place:
        """What tells it from the others of its run."""
        return self.row, self.cell, self.repeat


@frozen(kw_only=True, slots=False)
class TrialResult:
    """What it adds up to is kept: the log, the metrics and each listener ask for it."""

    key: TrialKey
    status: TrialStatus
    inputs: Mapping[str, JSON]
    outputs: JSON
    steps: tuple[StepResult, ...]
    verdicts: tuple[Verdict, ...] = ()
    tags: tuple[str, ...] = ()
    error: str | None = None
    columns: Mapping[str, JSON] = field(default_factory=dict)  # the whole row, kept for judging it again
    ratings: tuple[TrialRating, ...] = ()  # what people say of its answer, where that was asked for

    @cached_property
    def all_steps(self) -> tuple[StepResult, ...]:
        """Each step, followed by those that ran inside it."""
        if not any(step.inner for step in self.steps):
            return self.steps
        return tuple(one for step in self.steps for one in step.flat)

    @cached_property
    def all_verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the steps, then the pipeline's own."""
        return (*(verdict for step in self.all_steps for verdict in step.verdicts), *self.verdicts)

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """What its checks asked of models that judge."""
        return tuple(verdict.asked for verdict in self.all_verdicts if verdict.asked is not None)

    @property
    def is_unread(self) -> bool:
        """Whether it errored over nothing but what judges said: run again it would err again."""
        if self.status != "errored" or self.error or any(step.status == "errored" for step in self.all_steps):
            return False
        serious = (verdict for verdict in self.all_verdicts if verdict.is_serious)
        return all(verdict.is_unread for verdict in serious if verdict.status == "errored")

    @property
    def is_unfit(self) -> bool:
        """Whether it errored over nothing but what models answered: resumed it would err again."""
        errored = [step for step in self.all_steps if step.status == "errored"]
        first = [step for step in errored if not any(one.status == "errored" for one in step.inner)]
        return self.status == "errored" and bool(first) and all(step.is_unfit for step in first)

    @cached_property
    def cost_usd(self) -> float | None:
        """What its answers cost when they were bought, those of judges included."""
        steps = (step.cost_usd for step in self.all_steps)
        return total(chain(steps, (one.cost_usd for one in self.asked)))

    @cached_property
    def spent_usd(self) -> float | None:
        steps = (step.spent_usd for step in self.all_steps)
        return total(chain(steps, (one.spent_usd for one in self.asked)))

    @cached_property
    def latency_ms(self) -> float | None:
        return total(step.latency_ms for step in self.all_steps)

    @cached_property
    def score(self) -> float | None:
        """The weighted mean of the scores of all checks that were not skipped."""
        judged = [verdict for verdict in self.all_verdicts if verdict.status != "skipped"]
        weight = sum(verdict.weight for verdict in judged)
        return sum(verdict.score * verdict.weight for verdict in judged) / weight if weight else None


def everywhere(path: str) -> str:
    """Give the path of a step without its items: `parts[].part` for `parts[2].part`."""
    return ITEM.sub("[]", path) if "[" in path else path


def nested(steps: Iterable[StepResult]) -> tuple[StepResult, ...]:
    """Give steps, each followed by those inside it, with these put into it; the reverse of `flat`."""
    inside: dict[str, list[StepResult]] = {"": []}
    for step in reversed(list(steps)):
        inner = tuple(reversed(inside.pop(step.id, ())))
        inside.setdefault(_around(step.id), []).append(replace(step, inner=inner) if inner else step)
    return tuple(reversed(inside[""]))


def _around(path: str) -> str:
    """Give the path of the step that a step is inside of: of `a[0].b[1].c` it is `a[0].b`."""
    return LAST_ITEM.sub("", path.rpartition(".")[0])


def total(values: Iterable[float | None]) -> float | None:
    """Add costs or times; one that is unknown makes the sum unknown.

    What binary fractions make of 0.1 + 0.2 beyond the twelfth digit is left out.
    """
    result = 0.0
    for value in values:
        if value is None:
            return None
        result += value
    return round(result, DIGITS) if result else 0.0
