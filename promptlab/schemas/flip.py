"""A trial that ended otherwise than its like at another side, or before."""

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.word_diff import Piece, marked
from promptlab.schemas.run import TrialKey, TrialStatus


@frozen(kw_only=True)
class Flip:
    """A trial that ended otherwise than before. `diff` is of its outputs; empty where they are the same."""

    trial: TrialKey
    before: TrialStatus
    after: TrialStatus
    reason: str
    diff: tuple[Piece, ...] = ()

    def as_json(self) -> dict[str, JSON]:
        key = self.trial
        return {
            "row": key.row,
            "row_id": key.row_id,
            "variant": key.variant,
            "axes": dict(key.axes),
            "repeat": key.repeat,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "diff": marked(self.diff),
        }
