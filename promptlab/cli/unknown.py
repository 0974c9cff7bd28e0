"""Attempts of unknown outcome, in lines: a model was asked, no answer came, and it may have been paid for."""

from collections.abc import Iterator, Sequence
from typing import Literal

from promptlab.core.json import JSON
from promptlab.core.words import money, plural
from promptlab.schemas.log import AttemptRecord
from promptlab.schemas.run import total

SHOWN = 5


def risk_of(attempts: Sequence[AttemptRecord]) -> str:
    """Say how many there are, and what they may have cost."""
    most = money(total(attempt.reserved_usd for attempt in attempts))
    return f"{plural(len(attempts), 'attempt')} of unknown outcome, at most {most}"


def doubt_lines(attempts: Sequence[AttemptRecord], on_unknown: Literal["retry", "fail"]) -> Iterator[str]:
    """Say what may be paid for twice, and whether it is asked again."""
    again = "asked again" if on_unknown == "retry" else "not asked again (--on-unknown fail)"
    yield f"{risk_of(attempts)}, {again}:"
    yield from attempt_lines(attempts)


def attempt_lines(attempts: Sequence[AttemptRecord]) -> Iterator[str]:
    """Give the first of them, one a line."""
    for attempt in attempts[:SHOWN]:
        sent = f"{attempt.sent_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield f"  {attempt.provider}/{attempt.model}, sent {sent}, at most {money(attempt.reserved_usd)}"
    if len(attempts) > SHOWN:
        yield f"  and {len(attempts) - SHOWN:,} more"


def attempt_object(attempt: AttemptRecord) -> JSON:
    """Give what `--json` says of one."""
    return {
        "model": f"{attempt.provider}/{attempt.model}",
        "sent_at": attempt.sent_at.isoformat(),
        "reserved_usd": attempt.reserved_usd,
        "error": attempt.error,
    }
