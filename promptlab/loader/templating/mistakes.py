"""Turns Jinja's syntax errors into problems that say where the mistake begins and what to do."""

import re
from collections.abc import Callable

from jinja2 import TemplateSyntaxError

from promptlab.core.suggest import suggest
from promptlab.engine.templating.vocabulary import ROLES, TemplateKind
from promptlab.loader.templating.findings import TemplateProblem

BLOCKS = ("if", "for", "macro", "call", "filter", "set", "block", "with", "raw", *ROLES)
TAGS = (
    *BLOCKS,
    *(f"end{name}" for name in BLOCKS),
    "elif",
    "else",
    "include",
    "extends",
    "import",
    "from",
    "messages",
)
ABSENT_TAGS = {
    "do": "templates cannot change data; build a value with {% set %}",
    "debug": "look at the messages with `promptlab render`",
    "break": "filter the loop instead: {% for x in items if … %}",
    "continue": "filter the loop instead: {% for x in items if … %}",
    "trans": "there are no translations; write the text",
}
_BRACED = re.compile(r"\s*\{(?:\{[-+]?([^{}\n]{1,80})\}\}\s*\Z|[{%])")
_BLOCK_TAG = re.compile(r"\{%[-+]?\s*(end)?(\w+)")

type Place = tuple[int, int]
type Reading = Callable[[re.Match[str], str], tuple[str, str | None, str, Place | None]]


def described(error: TemplateSyntaxError, name: str, source: str, kind: TemplateKind) -> TemplateProblem:
    """Return the problem behind a syntax error."""
    if kind == "expression" and (braced := _BRACED.match(source)):
        inside = (braced[1] or "").rstrip("-+").strip()
        advice = f"write it like {inside}" if inside else "join conditions by `and`, `or` and `not`"
        return TemplateProblem(name, 1, 1, "an expression is written without braces", advice, "syntax")
    text = error.message or "the template cannot be read"
    for pattern, reading in READINGS:
        found = re.search(pattern, text, re.DOTALL)
        if found:
            message, hint, code, where = reading(found, source)
            return TemplateProblem(name, *(where or _guess(error, found, source)), message, hint, code)
    message = text[0].lower() + text[1:].rstrip(".")
    return TemplateProblem(name, error.lineno, 1, message, None, "syntax")


def _guess(error: TemplateSyntaxError, found: re.Match[str], source: str) -> Place:
    lines = source.split("\n")
    content = lines[error.lineno - 1] if error.lineno <= len(lines) else ""
    word = found.groups()[-1] if found.re.groups else ""
    return error.lineno, max(content.find(word), 0) + 1


def _unknown_tag(found: re.Match[str], _source: str) -> tuple[str, str | None, str, Place | None]:
    tag = found[1]
    near = suggest(tag, TAGS)
    hint = ABSENT_TAGS.get(tag) or (f"did you mean '{near}'?" if near else None)
    if tag in {*ROLES, "messages"}:
        hint = "role tags stand in prompt templates only"
    return f"unknown tag '{tag}'", hint, "unknown-tag", None


def _unclosed_block(found: re.Match[str], source: str) -> tuple[str, str | None, str, Place | None]:
    tag = found[1]
    return f"{{% {tag} %}} is never closed", f"add {{% end{tag} %}}", "unclosed", _last_open(tag, source)


def _unclosed(opening: str, closing: str) -> Reading:
    def read(_found: re.Match[str], source: str) -> tuple[str, str | None, str, Place | None]:
        where = _place(source, max(source.rfind(opening), 0))
        return f"'{opening}' is never closed", f"close it with '{closing}'", "unclosed", where

    return read


def _unexpected(found: re.Match[str], _source: str) -> tuple[str, str | None, str, Place | None]:
    closing = {"end of print statement": "}}", "end of statement block": "%}"}
    wanted, got = found.groups()
    hint = f"close the tag with '{closing[wanted]}' before it" if wanted in closing else None
    return f"'{got}' cannot stand here; {wanted} expected", hint, "syntax", None


def _last_open(tag: str, source: str) -> Place | None:
    opened: list[int] = []
    for found in _BLOCK_TAG.finditer(source):
        if found[1] and found[2] == tag and opened:
            opened.pop()
        elif not found[1] and found[2] == tag:
            opened.append(found.start())
    return _place(source, opened[-1]) if opened else None


def _place(source: str, offset: int) -> Place:
    before = source[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


READINGS: tuple[tuple[str, Reading], ...] = (
    (r"unknown tag '(\w+)'", _unknown_tag),
    (r"block that needs to be closed is '(\w+)'", _unclosed_block),
    (r"Missing end of comment", _unclosed("{#", "#}")),
    (r"Missing end of raw", _unclosed("{% raw %}", "{% endraw %}")),
    (r"unexpected end of template, expected 'end of print", _unclosed("{{", "}}")),
    (r"unexpected end of template, expected 'end of statement", _unclosed("{%", "%}")),
    (r"expected token '(.*?)', got '(.*)'", _unexpected),
)
