"""Which model is asked, and how: by a step, and by checks that a model judges."""

from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.provider import ModelProfile, Provider


@frozen
class Target:
    """The model that a step asks, and the parameters as they go on the wire.

    `problem`: why it cannot be asked, such as a missing key; what was recorded is recalled all the same.
    `fallbacks`: what is asked in its place, one after the other, where it fails for good.
    """

    provider: Provider
    profile: ModelProfile
    params: Mapping[str, JSON]
    problem: str | None = None
    fallbacks: tuple["Target", ...] = ()

    @property
    def line(self) -> tuple["Target", ...]:
        """Itself and its fallbacks, in the order in which they are asked."""
        return (self, *self.fallbacks)

    async def get_ready(self) -> None:
        """Import and open what its first request needs, if it can be asked."""
        if self.problem is None:
            await self.provider.warm_up()


@frozen
class Judges:
    """The models that the checks at one place ask: by name, and that of those which name none."""

    default: Target | None = None
    named: Mapping[str, Target] = field(default_factory=dict)

    def of(self, name: str | None) -> Target | None:
        return self.default if name is None else self.named.get(name)

    @property
    def targets(self) -> tuple[Target, ...]:
        found = (self.default, *self.named.values())
        return tuple(target for target in found if target is not None)


NO_JUDGES = Judges()
