"""Foreign text in Markdown."""

import re

SHOWN_TEXT = 200


def inert(text: str, limit: int = SHOWN_TEXT) -> str:
    """Give text that Markdown shows as it is: no markup, no links, no line breaks, of bounded length."""
    short = text if len(text) <= limit else f"{text[:limit]}…"
    printable = "".join(c if c.isprintable() else " " for c in short)
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|~@:&-])", r"\\\1", printable)
    return escaped.replace("www.", "www\\.")
