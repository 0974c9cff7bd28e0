"""The elements of JUnit XML; texts in them are escaped, visible and bounded."""

import re
from collections.abc import Iterable
from html import escape

from promptlab.reports.inert import one_line, visible

LONGEST_MESSAGE = 500
ATTACHMENT = re.compile(r"\[\[(?=ATTACHMENT\|)", re.IGNORECASE)  # Jenkins and GitLab open what it names

type Attributes = dict[str, str]


def opened(name: str, attributes: Attributes, end: str = "\n") -> str:
    """Give the tag that begins an element."""
    said = (f' {key}="{escape(one_line(value, LONGEST_MESSAGE))}"' for key, value in attributes.items())
    return f"<{name}{''.join(said)}>{end}"


def tag(name: str, attributes: Attributes, text: str | None = None) -> str:
    """Give an element with a text, or an empty one."""
    begin = opened(name, attributes, end="")
    if text is None:
        return f"{begin[:-1]}/>"
    shown = ATTACHMENT.sub("[ [", visible(text))
    return f"{begin}{escape(shown, quote=False)}</{name}>"


def properties(pairs: Iterable[tuple[str, str]]) -> str:
    """Give the properties of a suite."""
    tags = "".join(tag("property", {"name": name, "value": value}) for name, value in pairs)
    return f"<properties>{tags}</properties>\n"


def case(attributes: Attributes, seconds: float, inner: str) -> str:
    """Give a case; `inner` is XML."""
    return f"{opened('testcase', attributes | {'time': time(seconds)}, end='')}{inner}</testcase>\n"


def time(seconds: float) -> str:
    """Give seconds as readers of JUnit XML expect them, without separators of thousands."""
    return f"{seconds:.3f}"


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
