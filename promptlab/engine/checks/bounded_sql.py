"""SQL as sqlglot reads it, within bounds of size and time."""

import logging
import re
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from promptlab.core.frozen import frozen

if TYPE_CHECKING:
    from sqlglot import exp

MOST_CHARACTERS = 50_000
MOST_WORDS = 3_000  # words and signs: 50 ms
SECONDS = 0.1  # of processor time
_STEPS = 5  # that a parser takes a token at most; most take one or two, but some texts for ever
_FIRST_WORD = re.compile(r"[\s(]*+([^\W\d]\w*+)(?=[\s,.;:!?]|\Z)")
_WORD = re.compile(r"\w+|[^\w\s]")
_CALL = re.compile(r"\s*[\w.\"`\[\]]+\s*\(.*\)\s*", re.DOTALL)


class NotSql(ValueError):
    """A text that is no SQL, or none that is understood; the message says why."""


class CannotParse(Exception):
    """A text that cannot be parsed within the bounds."""


def read_sql(text: str, dialect: str | None) -> "list[exp.Expr]":
    """Read the statements of a text; `dialect` as sqlglot calls it. Raises NotSql, CannotParse."""
    _dialect(dialect)  # imports it, which is not counted
    reader = _Reader(dialect, time.thread_time() + SECONDS)
    found = [reader.statement(one) for one in reader.parse(text) if one is not None]
    if not found:
        raise NotSql("it is empty")
    return found


def _parsed(text: str, dialect: str | None, end: float) -> "list[exp.Expr | None]":
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415 - an extra

    if len(text) > MOST_CHARACTERS:
        raise CannotParse(f"is too long to be parsed ({len(text):,} characters; at most {MOST_CHARACTERS:,})")
    if len(_WORD.findall(text)) > MOST_WORDS:
        raise CannotParse(f"is too long to be parsed (more than {MOST_WORDS:,} words and signs)")
    sql, parser = _dialect(dialect)
    first = _FIRST_WORD.match(text)
    if first is not None and first[1].upper() not in _words_of(dialect):
        raise NotSql("it does not begin as a statement")
    try:
        tokens = sql.tokenize(text)
        bounded = parser(dialect=sql, steps=_STEPS * (len(tokens) + 20), end=end)
        parsed: list[exp.Expr | None] = bounded.parse(tokens, text)
    except ParseError as error:
        raise NotSql(_why(error)) from None
    except TokenError:
        raise NotSql("a quote or comment is not closed, or there is a sign that SQL does not have") from None
    except RecursionError:
        raise CannotParse("is nested too deeply to be parsed") from None
    except (AttributeError, LookupError, TypeError, ValueError):  # as it fails on `from {{ : }`
        raise NotSql("it cannot be parsed") from None
    return parsed


@cache
def _dialect(name: str | None) -> tuple[Any, type[Any]]:
    """Give a dialect of sqlglot, and its parser with bounds."""
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings show what a model said
    dialect = Dialect.get_or_raise(name)
    return dialect, type("BoundedParser", (_Bounded, dialect.parser_class), {})


@cache
def _words_of(name: str | None) -> frozenset[str]:
    """Give the words that mean something to a dialect; a statement begins with one of them."""
    return frozenset(key.split()[0].upper() for key in _dialect(name)[0].tokenizer_class.KEYWORDS if key)


class _Bounded:
    """Counts the steps of a parser, and looks at the clock with each."""

    def __init__(self, *, steps: int, end: float, **options: Any) -> None:
        self._steps_left, self._end = steps, end
        super().__init__(**options)

    def _advance(self, times: int = 1) -> None:
        self._steps_left -= 1
        if self._steps_left < 0 or time.thread_time() > self._end:
            raise CannotParse("is too entangled to be parsed")
        super()._advance(times)  # type: ignore[misc]


def _why(error: Any) -> str:
    """Say what is wrong, without the text that is."""
    first = error.errors[0] if error.errors else {}
    what = re.split(" but got| for <", str(first.get("description") or ""))[0]
    where = f" (line {first['line']}, column {first['col']})" if "line" in first else ""
    return f"{what if what and what.isprintable() else 'it cannot be parsed'}{where}"


@frozen
class _Reader:
    """Gives whole statements; sqlglot also reads bare values, and much that is cut off."""

    dialect: str | None
    end: float

    def parse(self, text: str) -> "list[exp.Expr | None]":
        return _parsed(text, self.dialect, self.end)

    def statement(self, found: "exp.Expr") -> "exp.Expr":
        from sqlglot import exp  # noqa: PLC0415

        if isinstance(found, exp.Command):
            rest = found.args.get("expression")
            said = rest.name if isinstance(rest, exp.Expression) else str(rest or "")
            return self._command(str(found.this).upper(), said.strip(), found)
        if not isinstance(found, _kinds()):
            raise NotSql("it is no statement")
        needed = _NEEDED.get(found.key)
        if needed is not None and not any(found.args.get(part) for part in needed):
            raise NotSql(f"its {found.key} is not whole")
        return found

    def _command(self, word: str, rest: str, found: "exp.Expr") -> "exp.Expr":
        """Look at what is not parsed further: EXPLAIN of a statement, CALL of a procedure, SHOW."""
        from sqlglot import exp  # noqa: PLC0415

        if word == "EXPLAIN":
            explained = self.parse(_EXPLAINED.sub("", rest))[:1]
            if explained and explained[0] is not None and not isinstance(explained[0], exp.Command):
                return self.statement(explained[0])
        if word in ("CALL", "EXEC", "EXECUTE") and _CALL.fullmatch(rest):
            return found
        if word == "SHOW" and self.dialect is None:
            shown = _parsed(f"SHOW {rest}", "mysql", self.end)[0]
            if isinstance(shown, exp.Show):
                return shown
        raise NotSql(f"its {word[:20] if word.isalpha() else 'statement'} is not understood")


@cache
def _kinds() -> tuple[type, ...]:
    from sqlglot import exp  # noqa: PLC0415

    return tuple(getattr(exp, name) for name in _STATEMENTS.split())


_STATEMENTS = """
Query Values Insert Update Delete Merge Create Drop Alter TruncateTable Comment Set Show Use Describe Pragma
Transaction Commit Rollback Grant Revoke Copy Analyze Kill LoadData Attach Detach Cache Uncache Refresh
Execute
"""
_NEEDED = {
    "select": ("expressions", "from_"),
    "insert": ("expression", "default"),
    "update": ("expressions",),
    "delete": ("this", "tables"),
    "copy": ("files",),
}
_EXPLAINED = re.compile(r"^(?:analyze|verbose|query plan(?: for)?)\s+", re.IGNORECASE)
