"""What came of the steps inside a step, for one item or as a whole."""

from collections.abc import Mapping

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.scope import Names, step_names
from promptlab.schemas.run import StepResult


@frozen
class Ran:
    """`values`: what the steps saw by name; `results`: theirs by id, as written.

    `around`: those of the steps outside that they saw; `path`: of the step around them, with its item.
    """

    path: str
    values: Mapping[str, JSON]
    results: Mapping[str, StepResult]
    around: Mapping[str, StepResult]

    @property
    def names(self) -> Names:
        """What templates see once the steps are done."""
        seen = {**self.around, **self.results}
        return Names(self.values, {name: step_names(result) for name, result in seen.items()})

    @property
    def last(self) -> JSON:
        """The output of the step written last; null where it has none."""
        return list(self.results.values())[-1].made

    def first(self, status: str) -> StepResult | None:
        """Give the first step, as written, that ended so."""
        return next((result for result in self.results.values() if result.status == status), None)
