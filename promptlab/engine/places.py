"""Places of steps: the id, after those of the steps around it, whatever the item: `parts.part`."""

import re
from collections.abc import Iterator, Sequence

from promptlab.engine.plan import PlannedStep
from promptlab.engine.step import Step

_ITEM = re.compile(r"\[\d+\]")


def place_of(path: str) -> str:
    """Give the place of a step that ran at a path: `parts[2].part` ran at `parts.part`."""
    return _ITEM.sub("", path) if "[" in path else path


def by_place(steps: Sequence[PlannedStep], within: str = "") -> dict[str, PlannedStep]:
    """Give all steps, also those inside others, by their places."""
    found = {}
    for planned in steps:
        place = f"{within}{planned.step.id}"
        found[place] = planned
        found |= by_place(planned.inner, f"{place}.")
    return found


def written_places(steps: Sequence[Step], within: str = "") -> Iterator[str]:
    """Give the places of all steps as they are written, each followed by those inside it."""
    for step in steps:
        place = f"{within}{step.id}"
        yield place
        yield from written_places(step.inner, f"{place}.")
