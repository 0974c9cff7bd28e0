"""The plan of a pipeline as the API tells it: as `promptlab plan --json` does."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from promptlab.schemas.api.base import Answer
from promptlab.schemas.plan import Basis, PipelinePlan

NUMBERS: dict[str, Any] = {
    "call": 38,
    "recall": 2,
    "open": 0,
    "skip": 0,
    "run": 0,
    "remembered": 0,
    "error": 0,
    "worst_calls": 38,
    "input_tokens": 5320,
    "output_tokens": 760,
    "worst_tokens": 24320,
    "expected_usd": 0.0013,
    "worst_usd": 0.0122,
    "is_soft": False,
    "has_open_list": False,
}
EXAMPLE: dict[str, Any] = {
    "pipeline": "support_triage",
    "path": "pipelines/support_triage.yaml",
    "trials": 40,
    "least_trials": 40,
    "steps": [
        {
            "variant": "base",
            "axes": {},
            "step": "classify",
            "judges": False,
            "model": "openai/gpt-4o-mini",
            "output_basis": "recorded",
            **NUMBERS,
        }
    ],
    "total": NUMBERS,
    "seconds": 12.4,
    "warnings": [],
    "errors": [],
}


class PlannedNumbers(Answer):
    """What would be done. `call`, `recall`, `open` (hangs on an answer to come) count calls of models.

    Tokens are estimates; money is in USD, null where a price is unknown.
    """

    call: int
    recall: int
    open: int
    skip: int
    run: int
    remembered: int
    error: int
    worst_calls: int
    input_tokens: int
    output_tokens: int
    worst_tokens: int
    expected_usd: float | None
    worst_usd: float | None
    is_soft: bool
    has_open_list: bool


class PlannedStep(PlannedNumbers):
    """A step in a cell, or (`judges`) the models that judge there; step null: at the pipeline."""

    variant: str
    axes: Mapping[str, Any]
    step: str | None
    judges: bool = False
    model: str | None
    output_basis: Basis | None


class PlannedError(Answer):
    """A step that fails for certain."""

    row: int
    row_id: str
    cell: str
    step: str
    message: str


class PlannedPipeline(Answer):
    """What a run would do; `seconds` null: nobody knows. `errors` are the first of `total.error`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    pipeline: str
    path: str
    trials: int
    least_trials: int
    steps: list[PlannedStep]
    total: PlannedNumbers
    seconds: float | None
    warnings: list[str]
    errors: list[PlannedError]

    @classmethod
    def of(cls, plan: PipelinePlan) -> "PlannedPipeline":
        return cls.model_validate(plan.as_json())
