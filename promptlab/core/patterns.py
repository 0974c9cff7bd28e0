"""Regular expressions of users: bounded when compiled and when searched."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

SEARCH_SECONDS = 0.08
LONGEST = 2_000
LARGEST = 10_000  # atoms, counted repeats written out
_LITERALS_ARE_FAST_UP_TO = 32

_TOKEN = re.compile(
    r"(?P<atom>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:P?<?[=!]|P?<\w+>|[\w-]*:|>|\|))?)"
    r"|(?P<close>\))"
    r"|\{(?P<least>\d*)(?:,\d*)?\}"
    r"|(?P<one>.)",
    re.DOTALL,
)


class BadPattern(ValueError):
    """A pattern that cannot be compiled, or that is too large to be."""


class SearchTookTooLong(Exception):
    """A search that did not end in time."""


@lru_cache(maxsize=1000)
def compiled(pattern: str) -> "regex.Pattern[str]":
    """Compile a user's pattern; raises BadPattern."""
    import regex  # noqa: PLC0415

    _bounded(pattern)
    try:
        plain = regex.compile(pattern, cache_pattern=False)
        return plain if len(pattern) <= _LITERALS_ARE_FAST_UP_TO else _without_literal_search(pattern)
    except regex.error as error:
        raise BadPattern(f"not a regular expression: {error}") from None
    except (RecursionError, MemoryError, OverflowError):
        raise BadPattern("not a regular expression: nested too deeply") from None


def search(pattern: "regex.Pattern[str]", text: str) -> "regex.Match[str] | None":
    """Search `text`; raises SearchTookTooLong where that takes more than a moment."""
    try:
        return pattern.search(text, timeout=SEARCH_SECONDS)
    except TimeoutError:
        raise SearchTookTooLong(f"the search took more than {SEARCH_SECONDS * 1000:.0f} ms") from None


def _without_literal_search(pattern: str) -> "regex.Pattern[str]":
    """Hide long literals from a search for literals that takes no notice of the time."""
    import regex  # noqa: PLC0415

    try:
        return regex.compile(rf"x\b\Bx|{pattern}", cache_pattern=False)
    except regex.error:
        return regex.compile(pattern, cache_pattern=False)


def _bounded(pattern: str) -> None:
    if len(pattern) > LONGEST:
        raise BadPattern(f"a regular expression of {len(pattern)} characters; at most {LONGEST} are taken")
    if _size(pattern) > LARGEST:
        raise BadPattern(f"its counted repeats, written out, are larger than {LARGEST}")


def _size(pattern: str) -> int:
    """Estimate how many atoms a pattern has with its counted repeats written out."""
    totals, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token["open"] is not None:
            totals.append(0)
            last = 0
        elif token["close"] is not None and len(totals) > 1:
            last = totals.pop()
            totals[-1] += last
        elif token["least"]:
            totals[-1] += last * (int(token["least"][:9]) - 1)
        else:
            last = 1
            totals[-1] += 1
    return sum(totals)
