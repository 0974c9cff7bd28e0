"""Numbers as people read them."""

from math import floor, log10

MINUTE = 60
HOUR = 3600
CENT = 0.01


def money(usd: float | None) -> str:
    """Give US dollars, with as many decimals as a small sum needs."""
    if usd is None:
        return "cost unknown"
    if usd == 0:
        return "$0"
    if usd >= CENT * 10:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= CENT / 10 else f"${usd:.{min(12, 1 - floor(log10(usd)))}f}"


def at_most(usd: float | None) -> str:
    return money(usd) if usd is None else f"at most {money(usd)}"


def spent(usd: float | None) -> str:
    return money(usd) if usd is None else f"spent {money(usd)}"


def duration(seconds: float) -> str:
    """Give a time as 0.4 s, 12 s, 3 min 05 s or 2 h 10 min."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:02.0f} s"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:02.0f} min"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
