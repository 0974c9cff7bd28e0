"""Attempts of unknown outcome, in lines: a model was asked, no answer came, and it may have been paid for."""

from collections.abc import Iterator, Sequence
from typing import Literal

from promptlab.core.display import shortened
from promptlab.core.json import JSON
from promptlab.core.words import at_most, plural
from promptlab.schemas.log import AttemptRecord, Senders
from promptlab.schemas.run import total

SHOWN = 5
ROW = 40
UNPLACED = "a step that the log does not tell"


def risk_of(attempts: Sequence[AttemptRecord]) -> str:
    """Say how many there are, and what they may have cost."""
    most = at_most(total(attempt.reserved_usd for attempt in attempts))
    return f"{plural(len(attempts), 'attempt')} of unknown outcome, {most}"


def doubt_lines(
    attempts: Sequence[AttemptRecord],
    on_unknown: Literal["retry", "fail"],
    senders: Senders,
    *,
    otherwise: str = UNPLACED,
) -> Iterator[str]:
    """Say what may be paid for twice, and whether it is asked again; the rest as for `risk_lines`."""
    again = "asked again" if on_unknown == "retry" else "not asked again (--on-unknown fail)"
    yield f"{risk_of(attempts)}, {again}:"
    yield from risk_lines(attempts, senders, otherwise=otherwise)


def risk_lines(
    attempts: Sequence[AttemptRecord], senders: Senders, *, otherwise: str = UNPLACED
) -> Iterator[str]:
    """Give a line for each step and model: how many attempts, for which rows, and what they may have cost.

    `senders`: by fingerprint, which steps of which rows send it; where none does, `otherwise` stands.
    """
    groups: dict[tuple[str, str], list[AttemptRecord]] = {}
    for attempt in attempts:
        place = " or ".join(_steps(attempt, senders)) or otherwise
        groups.setdefault((place, f"{attempt.provider}/{attempt.model}"), []).append(attempt)
    for (place, model), group in groups.items():
        most = at_most(total(one.reserved_usd for one in group))
        yield f"  {place}, {model}: {plural(len(group), 'attempt')}{_rows(_row_ids(group, senders))}, {most}"


def _steps(attempt: AttemptRecord, senders: Senders) -> list[str]:
    return list(dict.fromkeys(step for step, _ in senders.get(attempt.fingerprint, ())))


def _row_ids(attempts: Sequence[AttemptRecord], senders: Senders) -> list[str]:
    return list(dict.fromkeys(row for one in attempts for _, row in senders.get(one.fingerprint, ())))


def _rows(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    named = ", ".join(shortened(row, ROW) for row in rows[:SHOWN])
    return f" for {plural(len(rows), 'row')} ({named}{', …' if len(rows) > SHOWN else ''})"


def attempt_object(attempt: AttemptRecord, senders: Senders) -> JSON:
    """Give what `--json` says of one."""
    return {
        "steps": [*_steps(attempt, senders)],
        "row_ids": [*_row_ids([attempt], senders)],
        "model": f"{attempt.provider}/{attempt.model}",
        "sent_at": attempt.sent_at.isoformat(),
        "reserved_usd": attempt.reserved_usd,
        "error": attempt.error,
    }
