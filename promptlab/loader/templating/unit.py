"""One template source: parsed, and able to say where something stands in it."""

from collections.abc import Mapping
from functools import cached_property

from jinja2 import TemplateSyntaxError, nodes

from promptlab.core.frozen import frozen
from promptlab.engine.templating.environment import TemplateEnvironment
from promptlab.engine.templating.syntax import parse
from promptlab.engine.templating.vocabulary import MAX_SIZE, TemplateKind, measures_more, normalised
from promptlab.loader.templating.findings import TemplateProblem
from promptlab.loader.templating.lines import CONTROL, column_in, place
from promptlab.loader.templating.mistakes import described

NO_LIBRARY: Mapping[str, str] = {}


class Rejected(Exception):
    """The source cannot be parsed; ``problem`` says why."""

    def __init__(self, problem: TemplateProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@frozen(slots=False)
class Unit:
    """A parsed source; ``name`` is shown in problems."""

    name: str
    source: str
    kind: TemplateKind
    tree: nodes.Template

    @classmethod
    def parsed(cls, name: str, source: str, kind: TemplateKind) -> "Unit":
        """Parse a source; raises Rejected."""
        source = normalised(source)
        _check_text(name, source)
        environment = TemplateEnvironment(NO_LIBRARY, kind)
        try:
            return cls(name, source, kind, parse(environment, kind, source, name))
        except TemplateSyntaxError as error:
            raise Rejected(described(error, name, source, kind)) from error
        except RecursionError as error:
            raise Rejected(_problem(name, "the template is nested too deeply", "too-deep")) from error
        except (ValueError, ArithmeticError, SyntaxError) as error:
            raise Rejected(_problem(name, f"this is no template: {error}", "syntax")) from error

    @cached_property
    def lines(self) -> list[str]:
        return self.source.split("\n")

    def line(self, number: int) -> str:
        return self.lines[number - 1] if number <= len(self.lines) else ""

    def column(self, line: int, text: str) -> int:
        """Return where a text stands in a tag of a line, or 1 where it does not, or the line is very long."""
        return column_in(self.line(line), text)

    def problem(
        self, line: int, text: str, message: str, *, hint: str | None = None, code: str
    ) -> TemplateProblem:
        """Return a problem about a text in a line."""
        return TemplateProblem(self.name, line, self.column(line, text), message, hint, code)


def _check_text(name: str, source: str) -> None:
    if measures_more(source):
        raise Rejected(_problem(name, f"the template is larger than {MAX_SIZE:,} bytes", "too-large"))
    control = CONTROL.search(source)
    if control:
        shown = f"the control character U+{ord(control[0]):04X} cannot stand in a template"
        raise Rejected(_problem(name, shown, "control-character", *place(source, control.start())))


def _problem(name: str, message: str, code: str, line: int = 1, column: int = 1) -> TemplateProblem:
    return TemplateProblem(name, line, column, message, None, code)
