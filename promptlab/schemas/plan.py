"""What a run would do, in numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields
from typing import Any, Literal, Self

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

PLAN_VERSION = 1
BYTES_PER_TOKEN = 4

type Basis = Literal["recorded", "assumed"]


@frozen(kw_only=True)
class Numbers:
    """What steps would do. `call`, `recall` and `open` count calls of models, the others steps of trials.

    `open`: they hang on an answer that is not there yet. `run`: functions and requests of the project that
    run, or may; `remembered`: those whose result is recalled; `skip`, `error`: for certain.
    Tokens are estimates; `worst_tokens` and `worst_usd` are as a limit sets them aside. Money is in USD, None
    where a price is unknown. `is_soft`: the worst is not known, so it may be more; `has_open_list`: the
    length of a list hangs on an answer, so that the worst counts as many items as there may be, and what is
    expected, which counts none of them, is a lower bound.
    """

    call: int = 0
    recall: int = 0
    open: int = 0
    skip: int = 0
    run: int = 0
    remembered: int = 0
    error: int = 0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    expected_usd: float | None = 0.0
    worst_tokens: float = 0.0
    worst_usd: float | None = 0.0
    is_soft: bool = False
    has_open_list: bool = False

    @property
    def worst_calls(self) -> int:
        """How many calls leave at most, each counted once however often it is tried."""
        return self.call + self.open

    @classmethod
    def total(cls, parts: Iterable["Numbers"]) -> Self:
        all_parts = list(parts)
        names = [entry.name for entry in fields(Numbers)]
        values: dict[str, Any] = {
            name: _sum(name, [getattr(part, name) for part in all_parts]) for name in names
        }
        return cls(**values)

    def as_json(self) -> dict[str, JSON]:
        return {
            "call": self.call,
            "recall": self.recall,
            "open": self.open,
            "skip": self.skip,
            "run": self.run,
            "remembered": self.remembered,
            "error": self.error,
            "worst_calls": self.worst_calls,
            "input_tokens": round(self.input_tokens),
            "output_tokens": round(self.output_tokens),
            "worst_tokens": round(self.worst_tokens),
            "expected_usd": self.expected_usd,
            "worst_usd": self.worst_usd,
            "is_soft": self.is_soft,
            "has_open_list": self.has_open_list,
        }


def _sum(name: str, values: Sequence[float | None]) -> float | bool | None:
    if name.startswith(("is_", "has_")):
        return any(values)
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


@frozen(kw_only=True)
class StepPlan:
    """A step in a cell, or (`judges`) the models that judge there; step `""`: at the pipeline.

    `basis`: where the expected output comes from, None where nothing is asked.
    """

    cell: str
    variant: str
    axes: Mapping[str, JSON]
    step: str
    model: str | None
    numbers: Numbers
    basis: Basis | None = None
    judges: bool = False

    def as_json(self) -> dict[str, JSON]:
        return {
            "variant": self.variant,
            "axes": dict(self.axes),
            "step": self.step or None,
            **({"judges": True} if self.judges else {}),
            "model": self.model,
            **self.numbers.as_json(),
            "output_basis": self.basis,
        }


@frozen(kw_only=True)
class CertainError:
    """A step that fails for certain in this trial, and why."""

    row: int
    row_id: str
    cell: str
    step: str
    message: str

    def as_json(self) -> dict[str, JSON]:
        return {
            "row": self.row,
            "row_id": self.row_id,
            "cell": self.cell,
            "step": self.step,
            "message": self.message,
        }


@frozen(kw_only=True)
class PipelinePlan:
    """What a run of a pipeline would do.

    `trials`: how many at most; `least_trials`: should each row be decided as early as can be. `seconds`: as
    the limits are now, None where nobody knows. `errors` are the first of `total.error`.
    """

    pipeline: str
    path: str
    trials: int
    least_trials: int
    steps: tuple[StepPlan, ...]
    seconds: float | None
    warnings: tuple[str, ...] = ()
    errors: tuple[CertainError, ...] = ()

    @property
    def total(self) -> Numbers:
        return Numbers.total(step.numbers for step in self.steps)

    def as_json(self) -> dict[str, JSON]:
        return {
            "pipeline": self.pipeline,
            "path": self.path,
            "trials": self.trials,
            "least_trials": self.least_trials,
            "steps": [step.as_json() for step in self.steps],
            "total": self.total.as_json(),
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "warnings": list(self.warnings),
            "errors": [error.as_json() for error in self.errors],
        }


@frozen
class Mean:
    """Answers that were recorded: of how many tokens, and how long (ms) they took on average."""

    output_tokens: float
    latency_ms: float
    longest: int
    count: int


@frozen
class Experience:
    """What was recorded of models (`provider/model`), and of a pipeline's steps with them."""

    models: Mapping[str, Mean] = field(default_factory=dict)
    steps: Mapping[tuple[str, str], Mean] = field(default_factory=dict)

    def of(self, step: str | None, model: str) -> Mean | None:
        """Give the mean of the step, else of all that the model answered."""
        return self.steps.get((step or "", model)) or self.models.get(model)
