"""Attempts of unknown outcome, in lines: a model was asked, no answer came, and it may have been paid for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from promptlab.core.display import shortened
from promptlab.core.json import JSON
from promptlab.core.words import at_most, plural
from promptlab.schemas.log import AttemptRecord
from promptlab.schemas.run import total

SHOWN = 5
ROW = 40
UNPLACED = "a step that hangs on what is not on record"


def risk_of(attempts: Sequence[AttemptRecord]) -> str:
    """Say how many there are, and what they may have cost."""
    most = at_most(total(attempt.reserved_usd for attempt in attempts))
    return f"{plural(len(attempts), 'attempt')} of unknown outcome, {most}"


def doubt_lines(
    attempts: Sequence[AttemptRecord],
    on_unknown: Literal["retry", "fail"],
    senders: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> Iterator[str]:
    """Say what may be paid for twice, and whether it is asked again; `senders`: as for `risk_lines`."""
    again = "asked again" if on_unknown == "retry" else "not asked again (--on-unknown fail)"
    yield f"{risk_of(attempts)}, {again}:"
    yield from attempt_lines(attempts) if senders is None else risk_lines(attempts, senders)


def attempt_lines(attempts: Sequence[AttemptRecord]) -> Iterator[str]:
    """Give the first of them, one a line."""
    for attempt in attempts[:SHOWN]:
        sent = f"{attempt.sent_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield f"  {attempt.provider}/{attempt.model}, sent {sent}, {at_most(attempt.reserved_usd)}"
    if len(attempts) > SHOWN:
        yield f"  and {len(attempts) - SHOWN:,} more"


def risk_lines(
    attempts: Sequence[AttemptRecord], senders: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[str]:
    """Give a line for each step and model: how many attempts, for which rows, and what they may have cost.

    `senders`: by fingerprint, which steps of which rows send it.
    """
    groups: dict[tuple[str, str], list[AttemptRecord]] = {}
    for attempt in attempts:
        steps = dict.fromkeys(step for step, _ in senders.get(attempt.fingerprint, ()))
        place = " or ".join(steps) or UNPLACED
        groups.setdefault((place, f"{attempt.provider}/{attempt.model}"), []).append(attempt)
    for (place, model), group in groups.items():
        rows = dict.fromkeys(row for one in group for _, row in senders.get(one.fingerprint, ()))
        most = at_most(total(one.reserved_usd for one in group))
        yield f"  {place}, {model}: {plural(len(group), 'attempt')}{_rows(list(rows))}, {most}"


def _rows(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    named = ", ".join(shortened(row, ROW) for row in rows[:SHOWN])
    return f" for {plural(len(rows), 'row')} ({named}{', …' if len(rows) > SHOWN else ''})"


def attempt_object(attempt: AttemptRecord) -> JSON:
    """Give what `--json` says of one."""
    return {
        "model": f"{attempt.provider}/{attempt.model}",
        "sent_at": attempt.sent_at.isoformat(),
        "reserved_usd": attempt.reserved_usd,
        "error": attempt.error,
    }
