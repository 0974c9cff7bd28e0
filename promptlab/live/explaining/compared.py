"""A step that was sent beside its run before: what is known of both."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.plan import PlannedStep
from promptlab.live.explaining.files import FilesChanged
from promptlab.schemas.run import StepCall
from promptlab.services.logged_step import Asked, LoggedStep, PeerStep
from promptlab.services.step_history import StepHistory

type Pair = tuple[LoggedStep, LoggedStep]


def is_told(planned: PlannedStep) -> bool:
    """Whether a step is told of: one that runs code of the project only where it recalls what that gave."""
    return planned.sources.code is None or planned.target is not None or planned.step.recall is True


@frozen(slots=False)
class Surroundings:
    """What else the log has on some steps and their runs before; read for all once one asks for it."""

    history: StepHistory
    pairs: Sequence[Pair]

    @cached_property
    def trials(self) -> Mapping[int, Mapping[str, PeerStep]]:
        """The steps of their trials, by path."""
        return self.history.trials({step.place[0] for pair in self.pairs for step in pair})

    @cached_property
    def inputs(self) -> Mapping[str, Mapping[str, JSON]]:
        """The inputs of the rows that are not what they were."""
        changed = ((own, before) for own, before in self.pairs if own.row_digest != before.row_digest)
        return self.history.inputs({step.row_digest for pair in changed for step in pair})


@frozen(kw_only=True)
class Compared:
    """`line`: the steps around it, outermost first, then the step itself.

    `beside`: the steps of its cell, by place.

    `call`, `call_before`: the request that was the first to leave, and the one in its place before, None
    where there was none; `asked`, `asked_before`: what they said, None where no answer tells it.
    """

    own: LoggedStep
    before: LoggedStep
    line: tuple[PlannedStep, ...]
    beside: Mapping[str, PlannedStep]
    call: StepCall
    call_before: StepCall | None
    asked: Asked | None
    asked_before: Asked | None
    files: FilesChanged
    surroundings: Surroundings

    @property
    def planned(self) -> PlannedStep:
        return self.line[-1]

    @property
    def is_later_turn(self) -> bool:
        """Whether it left after others of the same step that were recalled."""
        return bool(self.own.first_sent)

    @property
    def peers(self) -> Mapping[str, PeerStep]:
        """The steps of the trial, by path."""
        return self.surroundings.trials[self.own.place[0]]

    @property
    def peers_before(self) -> Mapping[str, PeerStep]:
        return self.surroundings.trials[self.before.place[0]]

    def messages(self, step: PeerStep | LoggedStep) -> Sequence[Mapping[str, Any]]:
        """Give what was said in a step."""
        return self.surroundings.history.messages(step.place)

    def around(self) -> Iterator[tuple[str, str, PlannedStep]]:
        """Give the step and those around it, innermost first: path, what stands before the id, and plan."""
        path = self.own.step
        for planned in reversed(self.line):
            within = path.removesuffix(planned.step.id)
            yield path, within, planned
            path = within.rpartition("[")[0] if within.endswith("].") else within.removesuffix(".")

    def differs(self, kind: str) -> bool:
        """Compare what both were made of, by digests; with a log that has none, by files."""
        if self.before.sources is None or self.own.sources is None:
            return bool(getattr(self.files, kind)(self.planned))
        return bool(getattr(self.before.sources, kind) != getattr(self.own.sources, kind))

    def first_new_message(self) -> dict[str, Any] | None:
        """Give the first message that differs."""
        if self.asked is None or self.asked_before is None or self.asked.kind != "model":
            return None
        said, before = self.asked.given, self.asked_before.given
        return next((one for index, one in enumerate(said) if [one] != before[index : index + 1]), None)
