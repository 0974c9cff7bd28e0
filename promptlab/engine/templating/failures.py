"""What went wrong in a template, as data: kind, message, template and line."""

import re
from types import TracebackType

from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from promptlab.core.frozen import frozen
from promptlab.engine.templating.missing import Absent, Missing, unknown_name
from promptlab.engine.templating.program import Source, is_unknown_name
from promptlab.engine.templating.values import BadValueError, TooLargeError
from promptlab.engine.templating.vocabulary import PROMPTS, RenderErrorKind

KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], RenderErrorKind], ...] = (
    (UndefinedError, "undefined"),
    (SecurityError, "security"),
    ((TooLargeError, MemoryError, RecursionError, OverflowError, IndentationError), "limit"),
    ((TemplateSyntaxError, TemplateNotFound, SyntaxError), "syntax"),
    ((BadValueError, TypeError, ValueError, ArithmeticError, LookupError), "type"),
)
MESSAGES: tuple[tuple[type[Exception], str], ...] = (
    (MemoryError, "the template needs more memory than templates may use"),
    (RecursionError, "the template is nested too deeply, or calls itself without end"),
    (IndentationError, "the template is nested too deeply"),
    (OverflowError, "a number or range is too large; a range has at most 100,000 elements"),
    (ZeroDivisionError, "division by zero"),
)
UNDEFINED = re.compile(rf"'?\b(?:{Missing.__name__}|{Absent.__name__})\b'?(?: object)?")


@frozen
class Failure:
    """A failed render; ``line`` counts from 1, in the template called ``name``."""

    kind: RenderErrorKind
    message: str
    name: str
    line: int


def failure(error: Exception, source: Source, known: list[str]) -> Failure:
    """Describe an error that compiling or rendering raised."""
    name, line = _position(error)
    shown = source.name if name in {None, source.name} else f"{PROMPTS}{name}"
    return Failure(_kind(error), _message(error, known), shown, line)


def _kind(error: Exception) -> RenderErrorKind:
    if _is_about_undefined(error):
        return "undefined"
    for types, kind in KINDS:
        if isinstance(error, types):
            return kind
    return "other"


def _message(error: Exception, known: list[str]) -> str:
    for kind, message in MESSAGES:
        if isinstance(error, kind):
            return message
    if isinstance(error, TemplateNotFound):
        return f"the template '{error.name}' does not exist"
    if isinstance(error, UndefinedError) and is_unknown_name(error):
        return unknown_name(error, str(error.message).split("'")[1], known)
    if _is_about_undefined(error):
        return UNDEFINED.sub("something undefined", str(error))
    return getattr(error, "message", None) or str(error) or type(error).__name__


def _is_about_undefined(error: Exception) -> bool:
    """Whether Python itself did not take an undefined value, of which it says the type alone."""
    return isinstance(error, TypeError) and UNDEFINED.search(str(error)) is not None


def _position(error: Exception) -> tuple[str | None, int]:
    if isinstance(error, TemplateSyntaxError):
        return error.name, error.lineno
    return _deepest(error.__traceback__)


def _deepest(trace: TracebackType | None) -> tuple[str | None, int]:
    found: tuple[str | None, int] = (None, 1)
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = (template.name, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return found
