"""The course of a model's limit through a run: its changes and why, few enough to keep."""

from collections import Counter
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.schemas.throttle import Change, ThrottleCourse

MOST_POINTS = 200
TOGETHER = 1.0  # seconds within which changes of one kind are one


@slotted
class Course:
    """Told of each change; seconds count from `began`."""

    began: float
    changes: list[Change] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)

    def add(self, now: float, limit: int, why: str) -> None:
        change = Change(round(now - self.began, 3), limit, why)
        last = self.changes[-1] if self.changes else None
        if last is not None and why == last.why != "start" and change.at - last.at < TOGETHER:
            self.changes[-1] = Change(last.at, limit, why)
        else:
            self.changes.append(change)
        if len(self.changes) > MOST_POINTS:
            self._thin_out()

    def told(self) -> ThrottleCourse:
        return ThrottleCourse(tuple(self.changes), {str(status): n for status, n in self.refusals.items()})

    def _thin_out(self) -> None:
        """Leave out every other growth; where that is not enough, every other change but the ends."""
        kept = [change for index, change in enumerate(self.changes) if change.why != "growth" or index % 2]
        if len(kept) > MOST_POINTS * 3 // 4:
            kept = [*kept[:1], *kept[1:-1:2], kept[-1]]
        self.changes = [self.changes[0], *(change for change in kept if change is not self.changes[0])]
