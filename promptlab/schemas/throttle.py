"""How many calls a model got at once in the course of a run."""

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON


class Change(NamedTuple):
    """From `at` (seconds since the model was first asked) on, `limit` calls at once, and why."""

    at: float
    limit: int
    why: str


@frozen
class ThrottleCourse:
    """The changes of a model's limit, the start first; `refusals`: how often it said 429 or 529."""

    changes: tuple[Change, ...]
    refusals: Mapping[str, int] = field(default_factory=dict)

    @property
    def start(self) -> int:
        return self.changes[0].limit

    @property
    def end(self) -> int:
        return self.changes[-1].limit

    @property
    def has_changed(self) -> bool:
        return len(self.changes) > 1 or bool(self.refusals)

    def as_json(self) -> dict[str, JSON]:
        return {
            "start": self.start,
            "end": self.end,
            "refusals": dict(self.refusals),
            "course": [[change.at, change.limit, change.why] for change in self.changes],
        }


def course_of(found: Mapping[str, JSON]) -> ThrottleCourse:
    """Read what `as_json` gave."""
    changes: list[tuple[float, int, str]] = found["course"]  # type: ignore[assignment]
    refusals: Mapping[str, int] = found["refusals"]  # type: ignore[assignment]
    return ThrottleCourse(tuple(Change(*change) for change in changes), refusals)
