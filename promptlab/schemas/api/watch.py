"""A watch as the API tells it: how it stands, and what its turns were."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer, Body
from promptlab.schemas.api.queries import Query

MOST_AT_ONCE = 50
RUN: dict[str, Any] = {
    "run": "01m83vm34hyqvc7afj4jm99gd2",
    "pipeline": "reply",
    "status": "failed",
    "trials": {"passed": 5, "failed": 1, "errored": 0, "skipped": 0},
    "sent": 3,
    "recalled": 3,
    "spent_usd": 0.00031,
    "seconds": 0.4,
    "line": "5 passed, 1 failed · 3 calls, 3 recalled, spent $0.00031 · 0.4 s",
    "called": "3 template prompts/reply_friendly.j2",
    "flipped": 1,
    "flips": [
        {
            "row": 2,
            "row_id": "r2",
            "cell": "friendly",
            "repeat": 0,
            "trial": "2-1-0",
            "before": "passed",
            "after": "failed",
            "reason": "word-count: 91 words are more than 80",
            "diff": [
                {"kind": "same", "text": "as soon as "},
                {"kind": "old", "text": "it arrives"},
                {"kind": "new", "text": "the parcel has arrived"},
            ],
        }
    ],
    "outputs_changed": 3,
    "metrics": [
        {
            "cell": "friendly",
            "name": "pass_rate",
            "value": 0.667,
            "since_last": -0.333,
            "since_start": -0.333,
            "is_better": False,
            "words": ["66.7 %", "-33.3 %", "-33.3 % since the start"],
        }
    ],
    "warnings": [],
}
TURN: dict[str, Any] = {
    "turn": 4,
    "cause": "saved",
    "ended_at": "2026-11-23T18:20:12Z",
    "files": [{"path": "prompts/reply_friendly.j2", "change": "changed"}],
    "more_files": 0,
    "runs": [RUN],
    "more_runs": 0,
    "problems": [],
    "faults": 0,
    "spent_usd": 0.0042,
    "seconds": 0.43,
}


class WatchPiece(Answer):
    """Words that are in both outputs, in the old one alone, or in the new one alone."""

    kind: Literal["same", "old", "new"]
    text: str


class WatchFlip(Answer):
    """A trial that ended otherwise than before; `trial` names it in the routes of its run."""

    row: int
    row_id: str
    cell: str
    repeat: int
    trial: str | None
    before: str
    after: str
    reason: str
    diff: list[WatchPiece]


class WatchMetric(Answer):
    """A metric that moved. `words`: its value, the change since the last turn, and since the start."""

    cell: str
    name: str
    value: float | None
    since_last: float | None
    since_start: float | None
    is_better: bool | None
    words: list[str]


class WatchRun(Answer):
    """What came of a pipeline. `called`: how many steps were called, and because of what."""

    model_config = ConfigDict(json_schema_extra={"examples": [RUN]})

    run: str
    pipeline: str
    status: str
    trials: Mapping[str, int]
    sent: int
    recalled: int
    spent_usd: float | None
    seconds: float
    line: str
    called: str
    flipped: int
    flips: list[WatchFlip]
    outputs_changed: int
    metrics: list[WatchMetric]
    warnings: list[str]


class WatchFile(Answer):
    path: str
    change: Literal["new", "changed", "gone"]


class WatchTurn(Answer):
    """A turn. `problems`: as the terminal shows them, of so many `faults`; `spent_usd`: up to its end."""

    model_config = ConfigDict(json_schema_extra={"examples": [TURN]})

    turn: int
    cause: Literal["start", "saved", "all", "failed", "raised"]
    ended_at: str
    files: list[WatchFile]
    more_files: int
    runs: list[WatchRun]
    more_runs: int
    problems: list[str]
    faults: int
    spent_usd: float
    seconds: float


class WatchStatus(Answer):
    """How the watch stands; `ceiling_usd` null: there is none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "standing": "watching",
                    "is_paused": False,
                    "files": 12,
                    "spent_usd": 0.0042,
                    "ceiling_usd": 0.5,
                }
            ]
        }
    )

    standing: Literal["starting", "watching", "running", "paused", "capped", "ending"]
    is_paused: bool = False
    files: int
    spent_usd: float
    ceiling_usd: float | None


class WatchTurns(Answer):
    """Turns, the newest first, and how the watch stands."""

    status: WatchStatus
    turns: list[WatchTurn]
    next: Annotated[int | None, Field(description="The `before` of the next page; null: this is the last.")]
    kept: Annotated[int, Field(description="How many turns are kept at most; the log has the runs of all.")]


class TurnQuery(Query):
    """Which turns, the newest first."""

    before: Annotated[int | None, Field(ge=1, lt=2**31, description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="How many on a page.")] = 20


class WatchOrder(Body):
    """What the watch is to do, as its keys do: run all, run what failed, let saves wait, or no longer."""

    do: Literal["all", "failed", "pause", "go_on"] = Field(examples=["all"])
