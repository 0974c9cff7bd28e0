"""Why the calls of a turn were made: counted by cause, not told one by one."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.plan import Cell
from promptlab.live.explaining.making import explain_run
from promptlab.schemas.explained import Cause, Explained
from promptlab.services.run_log import RunLog

MOST = 1_000  # steps that are looked at

type Reason = tuple[tuple[Cause, str], ...]


@frozen
class Called:
    """How many steps were called because of the same changes: of what kind each is, and what it is called."""

    count: int
    why: Reason

    def as_json(self) -> dict[str, JSON]:
        return {"steps": self.count, "changes": [{"cause": cause, "what": what} for cause, what in self.why]}


def called_because(log: RunLog, run_id: str, cells: Sequence[Cell]) -> tuple[Called, ...]:
    """Count the first of the steps of a run of which a call left, the most frequent cause first."""
    counts: Counter[Reason] = Counter(
        _reason(one) for one in islice(explain_run(log, run_id, cells, fresh=False), MOST)
    )
    return tuple(Called(count, why) for why, count in counts.most_common())


def _reason(one: Explained) -> Reason:
    return tuple((change.cause, change.what) for change in one.changes)
