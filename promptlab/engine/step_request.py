"""What travels down the step chain: a planned step of a trial, and the names it sees."""

from dataclasses import dataclass, field

from promptlab.engine.conversation import Message
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Names, step_names
from promptlab.engine.tally import Tally
from promptlab.schemas.run import StepResult


@dataclass(frozen=True, slots=True)
class StepRequest:
    """`done`: results of the steps that this one names or needs.

    `complaint`: all that was said when it was asked before, and at the end what was wrong with that.

    `tally` counts the calls of the step over all times that it is asked.
    """

    planned: PlannedStep
    trial: Trial
    done: dict[str, StepResult] = field(default_factory=dict)
    complaint: tuple[Message, ...] = ()
    tally: Tally = field(default_factory=Tally)

    @property
    def id(self) -> str:
        return self.planned.step.id

    @property
    def names(self) -> Names:
        """What the step sees: the inputs by name, other steps by id."""
        return Names(self.trial.row.inputs, {name: step_names(result) for name, result in self.done.items()})
