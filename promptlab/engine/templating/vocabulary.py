"""The words and limits of the template language, shared by the template process and the static analysis."""

from collections.abc import Mapping
from typing import Literal

type JSON = bool | int | float | str | list[JSON] | dict[str, JSON] | None
type TemplateKind = Literal["prompt", "text", "value", "expression"]
type RenderErrorKind = Literal["undefined", "limit", "time", "syntax", "security", "type", "other"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_SIZE = 1_000_000
"""Bytes that a template may measure or produce, and elements that one operation may build."""
MAX_INTEGER_BITS = 50_000
MAX_TOKENS = 20_000

PROMPTS = "prompts/"
"""The folder that include names are relative to."""
ROLES = ("system", "user", "assistant")
GLOBALS = ("range", "dict", "namespace")
ALWAYS_THERE = frozenset((*GLOBALS, "self", "super", "caller", "varargs", "kwargs"))
ATTACHING = ("image", "file", "text")
"""Functions of prompts and message contents that name a file."""
ATTACHING_KINDS: tuple[TemplateKind, ...] = ("prompt", "text")

FILTERS = _words(
    """
    abs batch capitalize center count d default dictsort e escape filesizeformat first float groupby
    indent int items join last length list lower map max min reject rejectattr replace reverse round
    select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode
    wordcount wordwrap
    """
)
TEXT_FILTERS = _words(
    """
    capitalize center indent lower replace striptags title trim truncate upper wordcount wordwrap
    """
)
TESTS = _words(
    """
    != < <= == > >= boolean defined divisibleby eq equalto even float ge greaterthan gt in integer
    iterable le lessthan lower lt mapping ne none number odd sameas sequence string true false undefined
    upper
    """
)
STRING_METHODS = _words(
    """
    capitalize casefold center count endswith find index isalnum isalpha isdecimal isdigit islower
    isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix removesuffix
    replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title
    upper
    """
)
METHODS: Mapping[type, frozenset[str]] = {
    str: STRING_METHODS,
    dict: frozenset(("get", "items", "keys", "values")),
    list: frozenset(("count", "index")),
    bool: frozenset(),
    int: frozenset(),
    float: frozenset(),
}


def normalised(source: str) -> str:
    """Return a source without byte order marks before it, its line ends as LF."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.lstrip("\ufeff")


def measures_more(text: str, limit: int = MAX_SIZE) -> bool:
    """Say whether a text takes more than ``limit`` bytes of UTF-8."""
    if len(text) > limit or text.isascii():
        return len(text) > limit
    return len(text.encode("utf-8", "surrogatepass")) > limit
