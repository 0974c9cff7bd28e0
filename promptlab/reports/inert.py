"""Foreign text as reports show it: nothing hidden in it, and no longer than it may be."""

import re

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str, limit: int | None = None) -> str:
    r"""Give text, cut to `limit` characters, with what does not show or turns writing round as ``\u202e``.

    Line ends become LF; they and tabs stay.
    """
    short = text if limit is None or len(text) <= limit else f"{text[:limit]}…"
    if short.isprintable():
        return short
    lines = short.replace("\r\n", "\n")
    return HIDDEN.sub(_code, lines)


def one_line(text: str, limit: int) -> str:
    """Give `visible` text with spaces in place of line ends and tabs."""
    return " ".join(visible(text, limit).split())


def _code(found: re.Match[str]) -> str:
    number = ord(found.group())
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - the last of four digits
