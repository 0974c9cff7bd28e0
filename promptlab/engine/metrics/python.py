"""`python: path.py:function`: a function of the project makes numbers of all trials of a cell."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from promptlab.core.json import JSON
from promptlab.engine.function import CallFunction, Function
from promptlab.engine.metric import Metric
from promptlab.schemas.fields import FUNCTION
from promptlab.schemas.refusal import Refusal

GIVEN = ("trials", "planned")


class NoNumbers(Exception):
    """A function gave what is neither a number nor a map of numbers."""


class PythonMetric(Metric):
    """Calls the function with `trials`, a list of maps, and `planned`, their number had all come.

    It gives a number, or a map of numbers, which are called `name.key`.
    """

    key: ClassVar[str] = "python"
    python: Annotated[Any, *FUNCTION]

    @model_validator(mode="after")
    def _takes_trials(self) -> Self:
        function: Function = self.python
        lacking = [one.name for one in function.parameters if one.required and one.name not in GIVEN]
        if lacking:
            raise Refusal(
                f"{function.reference} wants {', '.join(lacking)}; a metric gives {' and '.join(GIVEN)}",
                below=(self.key,),
            )
        return self

    async def numbers(
        self, call: CallFunction, trials: list[JSON], planned: int
    ) -> Mapping[str, float | None]:
        """Give the metric's values by their whole names. Raises FunctionError and NoNumbers."""
        function: Function = self.python
        offered: dict[str, JSON] = {"trials": trials, "planned": planned}
        known = {one.name for one in function.parameters}
        given = {name: value for name, value in offered.items() if function.accepts_extra or name in known}
        return self.read(await call(function, given, any_text=True))

    def read(self, given: JSON) -> Mapping[str, float | None]:
        if not isinstance(given, dict):
            return {self.name: _number(given, self.name)}
        return {f"{self.name}.{key}": _number(value, f"{self.name}.{key}") for key, value in given.items()}


def _number(given: JSON, name: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise NoNumbers(f"{name} is no number, but {type(given).__name__}")
    try:
        found = float(given)
    except OverflowError:
        raise NoNumbers(f"{name} is too large a number") from None
    if not math.isfinite(found):
        raise NoNumbers(f"{name} is {found}")
    return found
