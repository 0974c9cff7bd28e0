"""What a watch tells whoever shows it."""

from typing import Literal, Protocol

from promptlab.core.frozen import frozen
from promptlab.engine.worker import Printed
from promptlab.live.counts import RunCounts
from promptlab.live.watching.following import Files
from promptlab.live.watching.left_behind import Doubt
from promptlab.live.watching.turn import Cause, Turn
from promptlab.schemas.events import Event

type OnUnknown = Literal["retry", "fail"]
type Standing = Literal["watching", "running", "paused", "capped", "ending"]


@frozen(kw_only=True)
class Status:
    """How the watch stands: `files` are followed, `spent_usd` is gone, of `ceiling_usd` if there is one.

    `is_paused`: saves wait, also while something is run.
    """

    standing: Standing
    is_paused: bool = False
    files: int = 0
    spent_usd: float = 0.0
    ceiling_usd: float | None = None


class RunView(Protocol):
    """Takes each event of a run, and what project code prints; closed when the run has ended."""

    def __call__(self, event: Event) -> None: ...

    def printed(self, printed: Printed) -> None: ...

    def close(self) -> None: ...


class View(Protocol):
    """`doubted` shows what a run that died may have paid for, `failed` what keeps pipelines from being
    run, `ended` a turn that ran some.
    """

    def stands(self, status: Status) -> None: ...

    def note(self, text: str) -> None: ...

    def doubted(self, doubt: Doubt, on_unknown: OnUnknown) -> None: ...

    def failed(self, turn: Turn) -> None: ...

    def began(self, number: int, cause: Cause, files: Files) -> None: ...

    def run_began(self, name: str, counts: RunCounts) -> RunView: ...

    def ended(self, turn: Turn) -> None: ...
