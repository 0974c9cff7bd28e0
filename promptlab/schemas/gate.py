"""Gates: what a run's metrics must hold, against numbers or against the same trials elsewhere."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from promptlab.schemas.base import Frozen
from promptlab.schemas.metrics import SHARES, WORSE_BY_RISING

type Severity = Literal["error", "warn"]

BASELINE = "baseline"


class OtherVariant(Frozen):
    """`against: {variant: NAME}`: the same rows in another variant of the same run."""

    variant: str = Field(min_length=1)


class Gate(Frozen):
    """A metric held against a number, or against the same trials elsewhere.

    `against`: a git ref, `baseline`, or another variant. A metric may be worse than there by `max_drop`, or
    by `max_rise` where more is worse; beyond that it fails once that it is not worse can be ruled out with
    this `confidence`.
    """

    metric: str = Field(min_length=1)
    variant: str | None = None
    min: float | None = None
    max: float | None = None
    against: Annotated[str, Field(min_length=1)] | OtherVariant | None = None
    max_drop: float | None = Field(default=None, ge=0)
    max_rise: float | None = Field(default=None, ge=0)
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    severity: Severity = "error"

    @property
    def more_is_worse(self) -> bool:
        return self.max_rise is not None or (self.max_drop is None and self.metric in WORSE_BY_RISING)

    @property
    def tolerance(self) -> float:
        """How much worse the metric may be than at the base."""
        return self.max_drop or self.max_rise or 0.0

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if self.against is None:
            self._has_a_bound()
        elif self.min is not None or self.max is not None:
            raise ValueError("a gate is held against a number or against a base; write two gates")
        elif self.max_drop is not None and self.max_rise is not None:
            raise ValueError("a metric gets worse by falling or by rising; keep `max_drop` or `max_rise`")
        elif self.max_drop is not None and self.metric in WORSE_BY_RISING:
            raise ValueError(f"{self.metric} gets worse by rising; say `max_rise`")
        return self

    def _has_a_bound(self) -> None:
        if self.model_fields_set & {"max_drop", "max_rise", "confidence"}:
            raise ValueError("`max_drop`, `max_rise` and `confidence` belong to a gate with `against`")
        if self.min is None and self.max is None:
            raise ValueError("a gate needs `min`, `max` or `against`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is above `max`, so that the gate can never pass")
        if self.metric in SHARES and ((self.min or 0) > 1 or (self.max or 0) < 0):
            raise ValueError(f"{self.metric} lies between 0 and 1, so that the gate can never pass")
