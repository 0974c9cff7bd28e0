"""The steps of a trial and those inside them, each with what it could see."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.engine.plan import PlannedStep
from promptlab.schemas.run import StepResult


@frozen
class Seen:
    """`peers`: the steps beside it and around it, by id, those first that can run first."""

    planned: PlannedStep
    result: StepResult
    peers: "Mapping[str, Seen]"

    def is_within(self, path: str) -> bool:
        """Say whether it is the step at a path, or inside of that."""
        return self.result.id == path or self.result.id.startswith((f"{path}.", f"{path}["))

    def leaves(self) -> "Iterator[Seen]":
        """Give the steps inside it that have none inside themselves; itself where it ran none."""
        if not self.result.inner:
            yield self
        for group in self._groups().values():
            for leaf in tree(self.planned.inner, group, self.peers).values():
                yield from leaf.leaves()

    def unanswered(self) -> "Iterator[Seen]":
        """Give the steps whose own answer is not recorded, among all that it waits for."""
        for name, peer in self.peers.items():
            if name in self.planned.needs and peer.result.status == "left":
                for leaf in peer.leaves():
                    yield from (leaf,) if leaf.result.calls else leaf.unanswered()

    @property
    def tools_called(self) -> tuple[str, ...]:
        """The tools whose results it waits for, of which not all are recorded."""
        if self.result.status != "left" or not self.result.messages:
            return ()
        last: Mapping[str, Any] = self.result.messages[-1]
        return tuple(dict.fromkeys(call["name"] for call in last.get("tool_calls", ())))

    def _groups(self) -> dict[str, dict[str, StepResult]]:
        """Give the results inside it, by id, for each item."""
        groups: dict[str, dict[str, StepResult]] = {}
        for result in self.result.inner:
            around, _, name = result.id.rpartition(".")
            groups.setdefault(around, {})[name] = result
        return groups


def tree(
    steps: Sequence[PlannedStep], results: Mapping[str, StepResult], around: Mapping[str, Seen] | None = None
) -> dict[str, Seen]:
    """Give the steps that ran, by id, in the order of their results."""
    peers = dict(around or {})
    for planned in steps:
        if planned.step.id in results:
            peers[planned.step.id] = Seen(planned, results[planned.step.id], peers)
    return {name: peers[name] for name in results}
