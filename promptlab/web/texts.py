"""Foreign text and numbers as pages show them: cut, and with nothing hidden in it; templates escape it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promptlab.core.json import JSON, as_text
from promptlab.reports.inert import one_line, visible

LONGEST_LINE = 160
LONGEST_TEXT = 20_000
SPARK_WIDTH, SPARK_HEIGHT = 80, 18


def line(value: JSON, limit: int = LONGEST_LINE) -> str:
    """Give a value on one line."""
    return one_line(as_text(value)[: limit + 1], limit)


def inert(value: JSON, limit: int = LONGEST_TEXT) -> str:
    """Give a value with its own line breaks."""
    return visible(as_text(value), limit)


def told(output: str) -> str:
    """Give outputs without what JSON puts around them, where they are a map and not cut."""
    try:
        found = json.loads(output) if output.startswith("{") else None
    except ValueError:
        return output
    if not isinstance(found, dict):
        return output
    return " · ".join(f"{name}: {as_text(value)}" for name, value in found.items())


def beyond(value: JSON, limit: int = LONGEST_TEXT) -> int:
    """Give how many characters `inert` leaves out."""
    return max(0, len(as_text(value)) - limit)


def spoken(message: Mapping[str, Any]) -> str:
    """Give the text of a message, with a line for each file in it and for each tool that it calls."""
    content, calls = message.get("content"), message.get("tool_calls") or ()
    parts = content if isinstance(content, list) else [{"type": "text", "text": as_text(content or "")}]
    files = (f"[{part.get('type')} {part.get('path') or ''} {part.get('media_type')}]" for part in parts)
    texts = (part.get("text") or file for part, file in zip(parts, files, strict=True))
    called = (f"→ {call.get('name')}({call.get('arguments')})" for call in calls)
    return "\n".join(filter(None, (*texts, *called)))


def moment(when: datetime | None) -> str:
    return "–" if when is None else f"{when.astimezone():%Y-%m-%d %H:%M:%S}"


def milliseconds(value: float | None) -> str:
    """Give a time as 412 ms, from ten seconds on as 12.3 s."""
    if value is None:
        return "–"
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.1f} s"  # noqa: PLR2004 - ten seconds


def spark(rates: Sequence[float]) -> str:
    """Give the points of a line through rates, in a box of 80 × 18."""
    if len(rates) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    low, high = min(rates), max(rates)
    span = (high - low) or 1.0
    step = (SPARK_WIDTH - 4) / (len(rates) - 1)
    heights = (SPARK_HEIGHT - 3 - (rate - low) / span * (SPARK_HEIGHT - 6) for rate in rates)
    return " ".join(f"{2 + step * number:.1f},{height:.1f}" for number, height in enumerate(heights))


TEXTS: Mapping[str, Any] = {
    "line": line,
    "told": told,
    "inert": inert,
    "beyond": beyond,
    "moment": moment,
    "milliseconds": milliseconds,
    "spark": spark,
}
