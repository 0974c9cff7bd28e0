"""Where a walk over a template is, which names it sees there, and the record of their uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from jinja2 import nodes

from promptlab.core.frozen import frozen
from promptlab.engine.templating.vocabulary import ALWAYS_THERE
from promptlab.loader.templating import functions
from promptlab.loader.templating.conditions import NOTHING, Facts, chain
from promptlab.loader.templating.findings import Findings, NameUse, Origin, Path, TemplateProblem
from promptlab.loader.templating.lines import column_of_path
from promptlab.loader.templating.unit import Unit

MAX_STEPS = 50_000

type Visitor = Callable[[nodes.Node], None]
type Visitors = dict[type[nodes.Node], Visitor]


@frozen
class Place:
    """Where the walk is: the source, the templates that led there, and what holds there.

    ``hidden``: an import without context, which sees no outside names.
    """

    unit: Unit
    trail: tuple[str, ...] = ()
    facts: Facts = NOTHING
    overridden: frozenset[str] = frozenset()
    in_role: str | None = None
    is_filtered: bool = False
    hidden: bool = False


class TooManyStepsError(Exception):
    """The includes of a template multiply beyond what can be analysed."""


class Scopes:
    """The state of a walk, and its dispatch by the type of node."""

    def __init__(self, findings: Findings, place: Place) -> None:
        self._findings = findings
        self._place = place
        self._scope: dict[str, Origin | None] = {}
        self._visitors = self._table()
        self._steps = 0

    def _table(self) -> Visitors:
        return dict.fromkeys((nodes.Name, nodes.Getattr, nodes.Getitem), self._path)

    def _visit(self, node: nodes.Node) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooManyStepsError
        self._visitors.get(type(node), self._children)(node)

    def _each(self, found: Iterable[nodes.Node]) -> None:
        for node in found:
            self._visit(node)

    def _children(self, node: nodes.Node) -> None:
        self._each(node.iter_child_nodes())

    @contextmanager
    def _inside(self, names: Mapping[str, Origin | None] | None = None, **changes: object) -> Iterator[None]:
        place, scope = self._place, self._scope
        self._place = replace(place, **changes)  # type: ignore[arg-type]
        if names is not None:
            self._scope = {**scope, **names}
        yield
        self._place, self._scope = place, scope

    @contextmanager
    def _where(self, facts: Facts) -> Iterator[None]:
        with self._inside(facts=self._place.facts | facts):
            yield

    def _path(self, node: nodes.Node) -> None:
        self._use(node, guarded=False)

    def _use(self, node: nodes.Node, *, guarded: bool) -> NameUse | None:
        base, path, computed = chain(node)
        self._each(computed)
        self._internal_parts(node)
        if not isinstance(base, nodes.Name):
            self._visit(base)
            return None
        return self._record(base, path, guarded=guarded)

    def _record(self, base: nodes.Name, path: Path, *, guarded: bool) -> NameUse | None:
        if base.name in self._scope:
            bound = self._scope[base.name]
        else:
            bound = None if base.name in ALWAYS_THERE else Origin(base.name)
        if bound is None or self._is_hidden(base):
            return None
        found = bound.below(path)
        guarded = guarded or any(found.concerns(fact) for fact in self._place.facts)
        unit = self._place.unit
        column = column_of_path(unit.line(base.lineno), base.name, ".".join((base.name, *map(str, path))))
        use = NameUse(found.name, found.path, unit.name, base.lineno, column, guarded)
        self._findings.uses[use] = None
        return use

    def _is_hidden(self, base: nodes.Name) -> bool:
        if self._place.hidden and base.name not in self._scope:
            message = f"'{base.name}' is not seen by an imported template"
            hint = "pass it as an argument, or import … with context"
            self._problem(base.lineno, base.name, message, hint, "hidden-name")
            return True
        return False

    def _internal_parts(self, node: nodes.Node) -> None:
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            self._add(functions.internal_problems(self._place.unit, node))
            node = node.node

    def _problem(self, line: int, text: str, message: str, hint: str | None, code: str) -> None:
        self._add([self._place.unit.problem(line, text, message, hint=hint, code=code)])

    def _add(self, problems: Iterable[TemplateProblem]) -> None:
        self._findings.problems.update(dict.fromkeys(problems))
