"""From requests that are not answered yet to tokens and money."""

from collections.abc import Mapping
from functools import cached_property

from promptlab.core.frozen import frozen
from promptlab.engine.call import cost_of
from promptlab.engine.completion import Usage
from promptlab.engine.forecast import Ahead, Request
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.places import by_place
from promptlab.engine.plan import Cell, PlannedStep
from promptlab.schemas.pipeline import OutputSpec
from promptlab.schemas.plan import BYTES_PER_TOKEN, Basis, Experience

ASSUMED_OUTPUT = 256  # tokens of an answer, where nothing says more


@frozen
class Amount:
    """A number as expected and at worst. `is_known` false: the worst is no promise."""

    expected: float
    worst: float
    is_known: bool = True

    def __mul__(self, times: int) -> "Amount":
        return Amount(self.expected * times, self.worst * times, self.is_known)

    def __add__(self, other: "Amount") -> "Amount":
        is_known = self.is_known and other.is_known
        return Amount(self.expected + other.expected, self.worst + other.worst, is_known)


@frozen
class Estimate:
    """Tokens and money (USD, None: the price is unknown) of one call."""

    inputs: Amount
    outputs: Amount
    expected_usd: float | None
    worst_usd: float | None


@frozen(slots=False)
class Estimator:
    """Estimates what calls of the steps of a cell take.

    Input: a token for every four bytes as expected, for every byte at worst, as a limit sets it aside.
    Output: the mean of recorded answers as expected, else half of the ceiling but no more than 256 tokens;
    the ceiling at worst, else the longest recorded answer, which is no promise.
    """

    cell: Cell
    experience: Experience

    def estimate(self, step: str | None, ahead: Ahead) -> Estimate:
        """Estimate a call of a step; None: of a judge."""
        request, price = ahead.request, ahead.request.profile.price
        spec = self._planned[step].step.parsed_as if step is not None else None
        outputs = self._output(step, request.profile.name, request.ceiling, spec)
        brought = self._brought(request) + _in_bytes(outputs) * request.answers
        expected_input = (request.text + brought.expected) / BYTES_PER_TOKEN
        is_known = brought.is_known and request.is_known
        inputs = Amount(expected_input, request.size + brought.worst, is_known)
        return Estimate(
            inputs,
            outputs,
            cost_of(_usage(inputs.expected, outputs.expected), price),
            cost_of(_usage(inputs.worst, outputs.worst), price),
        )

    def latency_ms(self, step: str | None, request: Request) -> float | None:
        """Give how long an answer took so far; None where none is recorded."""
        mean = self.experience.of(step, request.profile.name)
        return None if mean is None else mean.latency_ms

    def basis(self, step: str) -> Basis | None:
        target = self._planned[step].target
        if target is None:
            return None
        return "recorded" if self.experience.of(step, target.profile.name) else "assumed"

    @cached_property
    def _planned(self) -> Mapping[str, PlannedStep]:
        return by_place(self.cell.steps)

    @cached_property
    def _lengths(self) -> Mapping[str, Amount]:
        """How many bytes the output of each step brings into later requests."""
        return {place: self._length(place, planned) for place, planned in self._planned.items()}

    def _length(self, place: str, planned: PlannedStep) -> Amount:
        spec, target = planned.step.parsed_as, planned.target
        if spec is not None and spec.kind == "enum":
            return Amount(_longest_word(spec), _longest_word(spec))
        if target is None:
            return Amount(ASSUMED_OUTPUT * BYTES_PER_TOKEN, ASSUMED_OUTPUT * BYTES_PER_TOKEN, is_known=False)
        ceiling = output_ceiling(target.params, target.profile)
        return _in_bytes(self._output(place, target.profile.name, ceiling, spec))

    def _brought(self, request: Request) -> Amount:
        none = Amount(0.0, 0.0)
        return sum((self._lengths[step] * times for step, times in request.blanks.items()), none)

    def _output(self, step: str | None, model: str, ceiling: int | None, spec: OutputSpec | None) -> Amount:
        expected = self._expected_output(step, model, spec)
        if ceiling is not None:
            assumed = min(ceiling / 2, ASSUMED_OUTPUT)
            return Amount(assumed if expected is None else min(expected, ceiling), ceiling)
        mean = self.experience.models.get(model)
        longest = ASSUMED_OUTPUT if mean is None else mean.longest
        return Amount(ASSUMED_OUTPUT if expected is None else expected, longest, is_known=False)

    def _expected_output(self, step: str | None, model: str, spec: OutputSpec | None) -> float | None:
        mean = self.experience.of(step, model)
        if mean is not None:
            return mean.output_tokens
        if spec is not None and spec.kind == "enum":
            return 1 + _longest_word(spec) / BYTES_PER_TOKEN
        return None


def _in_bytes(tokens: Amount) -> Amount:
    return tokens * BYTES_PER_TOKEN


def _usage(inputs: float, outputs: float) -> Usage:
    return Usage(inputs, outputs)  # type: ignore[arg-type]


def _longest_word(spec: OutputSpec) -> int:
    return max(len(word.encode()) for word in spec.enum)
