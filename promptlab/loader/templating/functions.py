"""Checks of the filters, tests, functions and methods that a template names."""

from collections.abc import Iterable, Iterator

from jinja2 import nodes

from promptlab.core.suggest import suggest
from promptlab.engine.templating.vocabulary import ATTACHING_KINDS, FILTERS, GLOBALS, METHODS, TESTS
from promptlab.loader.templating.findings import TemplateProblem
from promptlab.loader.templating.unit import Unit

ABSENT_FILTERS = {
    "attr": "read a part with a dot or brackets",
    "format": "insert values with {{ … }} or join them with ~",
    "safe": "nothing is escaped here; leave it out",
    "forceescape": "use escape",
    "random": "a prompt must be the same each time it is rendered",
    "pprint": "use tojson(indent=2)",
}
ABSENT_METHODS = {
    "format": "insert values with {{ … }} or join them with ~",
    "format_map": "insert values with {{ … }} or join them with ~",
    "append": "data cannot be changed; build a list with + [item]",
    "update": "data cannot be changed; build an object with dict(a, **b)",
}
KNOWN_PATHS = "say a constant path, or an input of type image or file"
LOOP_METHODS = frozenset(("cycle", "changed"))
ALL_METHODS = frozenset[str]().union(*METHODS.values(), LOOP_METHODS)
FILTER_TAKERS = frozenset(("map",))
TEST_TAKERS = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}


def filter_problems(unit: Unit, node: nodes.Filter) -> Iterator[TemplateProblem]:
    """Find unknown filters, and unknown names given to ``map``, ``select`` and their kin."""
    yield from _unknown(unit, node.lineno, "filter", node.name, FILTERS, ABSENT_FILTERS)
    if node.name in FILTER_TAKERS:
        yield from _argument(unit, node, 0, "filter", FILTERS)
    if node.name in TEST_TAKERS:
        yield from _argument(unit, node, TEST_TAKERS[node.name], "test", TESTS)


def test_problems(unit: Unit, node: nodes.Test) -> Iterator[TemplateProblem]:
    yield from _unknown(unit, node.lineno, "test", node.name, TESTS, {})


def function_problem(unit: Unit, node: nodes.Name, known: Iterable[str], *, is_data: bool) -> TemplateProblem:
    """Return the problem of calling a name that is no function."""
    name = node.name
    if is_data:
        return unit.problem(node.lineno, name, f"'{name}' is data, not a function", code="unknown-function")
    near = suggest(name, {*known, *GLOBALS})
    hint = f"did you mean '{near}'?" if near else f"functions here: {', '.join(GLOBALS)}, and your own macros"
    return unit.problem(
        node.lineno, name, f"there is no function '{name}'", hint=hint, code="unknown-function"
    )


def attaching_problems(
    unit: Unit, call: nodes.Call, name: str, role: str | None
) -> Iterator[TemplateProblem]:
    """Find what is wrong with a call of `image`, `file` or `text` whatever path it names."""
    line = call.lineno
    if unit.kind not in ATTACHING_KINDS:
        hint = "attach files in a prompt, or in the content of a message"
        yield unit.problem(line, name, f"there is no {name}(…) here", hint=hint, code="unknown-function")
    if len(call.args) != 1 or call.kwargs or call.dyn_args or call.dyn_kwargs:
        message, hint = f"{name}(…) takes one path", f"write {{{{ {name}(…) }}}} for each"
        yield unit.problem(line, name, message, hint=hint, code="file-path")
    if name != "text" and role not in (None, "user"):
        message = f"{name}(…) stands in a message of the {role}, and only the user's have attachments"
        yield unit.problem(line, name, message, hint="move it into a user message", code="attachment-role")


def method_problems(unit: Unit, node: nodes.Getattr) -> Iterator[TemplateProblem]:
    """Find the call of a method that no value has."""
    if node.attr.startswith("__"):
        return
    yield from _unknown(unit, node.lineno, "method", node.attr, ALL_METHODS, ABSENT_METHODS)


def internal_problems(unit: Unit, node: nodes.Getattr | nodes.Getitem) -> Iterator[TemplateProblem]:
    """Find parts of Python objects, which templates cannot reach."""
    part = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if isinstance(part, str) and part.startswith("__"):
        message = f"'{part}' cannot be reached from a template"
        yield unit.problem(node.lineno, part, message, code="forbidden-attribute")


def _argument(
    unit: Unit, node: nodes.Filter, at: int, what: str, known: frozenset[str]
) -> Iterator[TemplateProblem]:
    name = node.args[at] if len(node.args) > at else None
    if isinstance(name, nodes.Const) and isinstance(name.value, str):
        yield from _unknown(unit, node.lineno, what, name.value, known, ABSENT_FILTERS)


def _unknown(
    unit: Unit, line: int, what: str, name: str, known: frozenset[str], absent: dict[str, str]
) -> Iterator[TemplateProblem]:
    if name in known:
        return
    near = suggest(name, known)
    hint = absent.get(name) or (f"did you mean '{near}'?" if near else None)
    yield unit.problem(line, name, f"there is no {what} '{name}'", hint=hint, code=f"unknown-{what}")
