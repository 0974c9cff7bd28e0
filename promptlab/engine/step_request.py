"""What travels down the step chain: a planned step of a trial, and the names it sees."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.conversation import Message
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Names, step_names
from promptlab.engine.stopwatch import Stopwatch
from promptlab.engine.tally import Tally
from promptlab.schemas.run import StepResult


@frozen
class StepRequest:
    """`done`: results of the steps that this one names or needs.

    `complaint`: all that was said when it was asked before, and at the end what was wrong with that.

    `tally` counts the calls of the step over all times that it is asked, `stopwatch` says how long they may
    take together. Of a step inside another, `inner`
    are the values that it sees by name in place of the row's, `within` what stands before its id in its path.
    """

    planned: PlannedStep
    trial: Trial
    done: dict[str, StepResult] = field(default_factory=dict)
    complaint: tuple[Message, ...] = ()
    tally: Tally = field(default_factory=Tally)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    inner: Mapping[str, JSON] | None = None
    within: str = ""

    @property
    def id(self) -> str:
        return self.planned.step.id

    @property
    def path(self) -> str:
        """The id with all that the step is inside of: `parts[2].part`."""
        return f"{self.within}{self.id}"

    @property
    def values(self) -> Mapping[str, JSON]:
        return self.trial.row.inputs if self.inner is None else self.inner

    @property
    def names(self) -> Names:
        """What the step sees: values by name, other steps by id."""
        return Names(self.values, {name: step_names(result) for name, result in self.done.items()})


type RunStep = Callable[[StepRequest], Awaitable[StepResult]]
