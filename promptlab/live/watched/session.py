"""What a watch told the server beside it: its last turns, how it stands, and who hears of it."""

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Literal

from promptlab.live.hosting.channel import Channel

MOST_TURNS = 100  # that are kept; the runs of older ones are in the log
MOST_NOTES = 20

type Frame = Mapping[str, Any]
type Deed = Literal["all", "failed", "pause", "go_on"]


class WatchedSession:
    """Turns are the newest first. `order` tells the watch what to do, as a key does."""

    def __init__(self, order: Callable[[Deed], None]) -> None:
        self.order = order
        self.channel = Channel()
        self.turns: deque[Frame] = deque(maxlen=MOST_TURNS)
        self.notes: deque[Frame] = deque(maxlen=MOST_NOTES)
        self.status: Frame = {"standing": "starting", "files": 0, "spent_usd": 0.0, "ceiling_usd": None}
        self.under_way: Frame | None = None

    def hear(self, frame: Frame) -> None:
        """Take what the watch told, and tell whoever listens."""
        told = {name: value for name, value in frame.items() if name != "kind"}
        match frame["kind"]:
            case "stands":
                self.status = told
                self.channel.tell_state("stands", "stands", told)
            case "began":
                self.under_way = told
                self.channel.tell("began", told)
            case "moved":
                self.under_way = {**(self.under_way or {}), **told}
                self.channel.tell_state("moved", "moved", told)
            case "turn":
                self._take(told)
            case _:
                self.notes.appendleft(told)
                self.channel.tell("note", told)

    def older(self, before: int | None, limit: int) -> list[Frame]:
        """Give the newest turns that are kept, or those before the number of one."""
        found = (turn for turn in self.turns if before is None or turn["turn"] < before)
        return list(islice(found, limit))

    def close(self) -> None:
        """Let who listens go."""
        self.channel.close()

    def _take(self, turn: Frame) -> None:
        if self.under_way is not None and self.under_way["turn"] == turn["turn"]:
            self.under_way = None
        self.turns.appendleft(turn)
        flipped = sum(run["flipped"] for run in turn["runs"])
        told = {name: turn[name] for name in ("turn", "cause", "spent_usd", "seconds")}
        runs = [run["run"] for run in turn["runs"]]
        self.channel.tell("turn", {**told, "runs": runs, "flipped": flipped, "problems": turn["faults"]})
