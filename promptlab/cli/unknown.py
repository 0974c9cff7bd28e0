"""Attempts of unknown outcome, in lines: a model was asked, no answer came, and it may have been paid for."""

from collections.abc import Iterator, Sequence

from promptlab.core.words import money, plural
from promptlab.schemas.log import AttemptRecord
from promptlab.schemas.run import total

SHOWN = 5


def unknown_lines(attempts: Sequence[AttemptRecord], then: str = "") -> Iterator[str]:
    """Say how many there are and what they may have cost; then the first of them, one a line."""
    if not attempts:
        return
    risk = money(total(attempt.reserved_usd for attempt in attempts))
    head = f"{plural(len(attempts), 'attempt')} of unknown outcome, at most {risk}"
    yield f"{head}, {then}" if then else f"{head}:"
    for attempt in attempts[:SHOWN]:
        sent = f"{attempt.sent_at.astimezone():%Y-%m-%d %H:%M:%S}"
        yield f"  {attempt.provider}/{attempt.model}, sent {sent}, at most {money(attempt.reserved_usd)}"
    if len(attempts) > SHOWN:
        yield f"  and {len(attempts) - SHOWN:,} more"
