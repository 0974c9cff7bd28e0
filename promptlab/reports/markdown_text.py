"""Foreign text within a line of Markdown."""

import re

SHOWN_TEXT = 200
UNJOINED = "\u200b"  # GitHub looks for @names and #numbers after Markdown, where a backslash is gone


def inert(text: str, limit: int = SHOWN_TEXT) -> str:
    """Give text that is shown as it is: no markup, links or mentions, no line breaks, of bounded length."""
    short = text if len(text) <= limit else f"{text[:limit]}…"
    printable = "".join(c if c.isprintable() else " " for c in short)
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|~@:&-])", r"\\\1", printable)
    return re.sub("([@#])", rf"\1{UNJOINED}", escaped).replace("www.", "www\\.")
