"""A turn of a watch as the page beside it is told: of bounded size, with the words of the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from math import isfinite
from typing import Any

from promptlab.cli.metric_words import is_better, moved, number, signed, since_start
from promptlab.cli.result import end_line, warnings
from promptlab.cli.turn_lines import causes, error_lines
from promptlab.core.display import shortened
from promptlab.core.errors import PromptlabError
from promptlab.core.word_diff import Piece
from promptlab.live.watching.turn import MetricChange, Turn, TurnRun
from promptlab.loader.problems import InvalidPipeline
from promptlab.schemas.flip import Flip
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialKey

MOST_FILES = 50
MOST_RUNS = 50
MOST_FLIPS = 20
MOST_METRICS = 30
LONGEST_NAME = 200
LONGEST_DIFF = 3_000
LONGEST_REASON = 300
LONGEST_PROBLEMS = 20_000

type Told = dict[str, Any]


def turn_told(turn: Turn) -> Told:
    """Give what a page shows of a turn."""
    files = [{"path": text(path), "change": change} for path, change in turn.files.items()]
    runs = turn.runs[:MOST_RUNS]
    return {
        "turn": turn.number,
        "cause": turn.cause,
        "ended_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "files": files[:MOST_FILES],
        "more_files": max(0, len(files) - MOST_FILES),
        "runs": [_run(run, flips=max(2, 2 * MOST_FLIPS // len(runs))) for run in runs],
        "more_runs": len(turn.runs) - len(runs),
        "problems": [_problems(error) for error in turn.errors[:MOST_RUNS]],
        "faults": sum(_faults(error) for error in turn.errors),
        "spent_usd": turn.spent_usd,
        "seconds": round(turn.seconds, 3),
    }


def files_told(files: Mapping[str, str]) -> list[Told]:
    return [{"path": text(path), "change": change} for path, change in islice(files.items(), MOST_FILES)]


def text(value: str, limit: int = LONGEST_NAME) -> str:
    """Give a text that can be sent as it is: cut, and without halves of characters."""
    return shortened(value, limit).encode("utf-8", "replace").decode()


def _run(run: TurnRun, *, flips: int) -> Told:
    summary, calls = run.summary, run.summary.calls
    changes = moved(run.metrics, called=bool(calls.sent))
    return {
        "run": summary.run_id,
        "pipeline": text(summary.pipeline),
        "status": summary.status,
        "trials": dict(summary.trials),
        "sent": calls.sent,
        "recalled": calls.recalled,
        "spent_usd": summary.spent_usd,
        "seconds": summary.seconds,
        "line": text(end_line(summary).partition(" · run ")[0], LONGEST_REASON),
        "called": text(causes(run.called), LONGEST_REASON),
        "flipped": run.flipped,
        "flips": [_flip(flip, summary) for flip in run.flips[: min(flips, MOST_FLIPS)]],
        "outputs_changed": run.outputs_changed,
        "metrics": [_metric(change) for change in changes[:MOST_METRICS]],
        "warnings": [text(warning, LONGEST_REASON) for warning in warnings(summary)],
    }


def _flip(flip: Flip, summary: RunSummary) -> Told:
    key = flip.trial
    return {
        "row": key.row,
        "row_id": text(key.row_id),
        "cell": text(key.cell),
        "repeat": key.repeat,
        "trial": _place(key, list(summary.cells)),
        "before": flip.before,
        "after": flip.after,
        "reason": text(flip.reason, LONGEST_REASON),
        "diff": list(_diff(flip.diff)),
    }


def _place(key: TrialKey, cells: Sequence[str]) -> str | None:
    """Give how the routes of a run name a trial; None where its cell is not known."""
    return f"{key.row}-{cells.index(key.cell)}-{key.repeat}" if key.cell in cells else None


def _diff(pieces: Sequence[Piece]) -> Iterator[Told]:
    left = LONGEST_DIFF
    for piece in pieces:
        if left <= 0:
            return
        yield {"kind": piece.kind, "text": text(piece.text, left)}
        left -= len(piece.text)


def _metric(change: MetricChange) -> Told:
    name = change.name
    words = (number(name, change.value), signed(name, change.since_last), since_start(change))
    return {
        "cell": text(change.cell),
        "name": text(name),
        "value": _finite(change.value),
        "since_last": _finite(change.since_last),
        "since_start": _finite(change.since_start),
        "is_better": is_better(change),
        "words": list(words),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _problems(error: PromptlabError) -> str:
    lines = ("".join(span.text for span in line) for line in error_lines(error))
    return text("\n".join(lines), LONGEST_PROBLEMS)


def _faults(error: PromptlabError) -> int:
    return len(error.problems) if isinstance(error, InvalidPipeline) else 1
