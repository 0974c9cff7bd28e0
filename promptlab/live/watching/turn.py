"""What one turn of a watch was: values that a terminal shows, and `--json` prints."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

from promptlab.core.errors import PromptlabError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.live.watching.called import Called
from promptlab.loader.problems import InvalidPipeline
from promptlab.schemas.flip import Flip
from promptlab.schemas.report import SCHEMA_VERSION, RunSummary

type Cause = Literal["start", "saved", "all", "failed", "raised"]
type FileChange = Literal["new", "changed", "gone"]


@frozen(kw_only=True)
class MetricChange:
    """A metric of a cell, by how much it changed since the last whole run, and since the first one."""

    cell: str
    name: str
    value: float | None
    since_last: float | None
    since_start: float | None

    def as_json(self) -> dict[str, JSON]:
        return asdict(self)


@frozen(kw_only=True)
class TurnRun:
    """A run of a turn: what came of it, and what is different now. `flips` are the first of `flipped`.

    `called`: why calls were made; not told of a first run, and of one that was to buy anew.
    """

    summary: RunSummary
    flips: tuple[Flip, ...] = ()
    flipped: int = 0
    outputs_changed: int = 0
    metrics: tuple[MetricChange, ...] = ()
    called: tuple[Called, ...] = ()

    def as_json(self) -> dict[str, JSON]:
        """Give what `run --json` prints, and the differences."""
        return {
            **self.summary.as_json(),
            "called": [one.as_json() for one in self.called],
            "flipped": self.flipped,
            "flips": [flip.as_json() for flip in self.flips],
            "outputs_changed": self.outputs_changed,
            "metric_changes": [change.as_json() for change in self.metrics],
        }


@frozen(kw_only=True)
class Turn:
    """`errors`: what kept pipelines from being run; `spent_usd`: by the whole session so far."""

    number: int
    cause: Cause
    files: Mapping[str, FileChange]
    runs: tuple[TurnRun, ...] = ()
    errors: tuple[PromptlabError, ...] = ()
    spent_usd: float = 0.0
    seconds: float = 0.0

    def as_json(self) -> dict[str, JSON]:
        """Give the object that `watch --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "turn": self.number,
            "cause": self.cause,
            "files": [{"path": path, "change": change} for path, change in self.files.items()],
            "runs": [run.as_json() for run in self.runs],
            "problems": [problem for error in self.errors for problem in _problems(error)],
            "spent_usd": self.spent_usd,
            "seconds": round(self.seconds, 3),
        }


def _problems(error: PromptlabError) -> list[JSON]:
    if isinstance(error, InvalidPipeline):
        return [asdict(problem) for problem in error.problems]
    return [{"message": error.message, "hint": error.hint, "severity": "error"}]
