"""`value: FORMULA`: a metric made of other metrics, as promptfoo's `derivedMetrics`."""

from functools import cached_property
from typing import ClassVar

from pydantic import field_validator

from promptlab.core.formulas import Formula, formula
from promptlab.core.json import JSON
from promptlab.engine.metric import Metric


class DerivedMetric(Metric):
    """Arithmetic over the metrics of a cell: the built-in ones, those of checks, those written before it."""

    key: ClassVar[str] = "value"
    value: str

    @field_validator("value")
    @classmethod
    def _is_a_formula(cls, value: str) -> str:
        formula(value)
        return value

    def as_source(self) -> dict[str, JSON]:
        return {"name": self.name, self.key: self.value}

    @cached_property
    def formula(self) -> Formula:
        return formula(self.value)
