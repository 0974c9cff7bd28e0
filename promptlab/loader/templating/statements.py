"""The walk over statements, with the scopes that Jinja gives their names."""

from collections.abc import Iterator
from typing import Any

from jinja2 import nodes

from promptlab.engine.templating.vocabulary import ATTACHING_KINDS
from promptlab.loader.templating.conditions import NOTHING, element, ensured, origin, refuted
from promptlab.loader.templating.expressions import Expressions
from promptlab.loader.templating.findings import Origin, RoleUse
from promptlab.loader.templating.scopes import Visitors


class Statements(Expressions):
    """Visits what does something."""

    def _table(self) -> Visitors:
        own: dict[type[nodes.Node], Any] = {
            nodes.Output: self._output,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Macro: self._macro,
            nodes.CallBlock: self._call_block,
            nodes.With: self._with,
            nodes.Assign: self._assign,
            nodes.AssignBlock: self._assign_block,
            nodes.FilterBlock: self._filter_block,
            nodes.Block: self._block,
            nodes.ScopedEvalContextModifier: self._autoescape,
        }
        return {**super()._table(), **own}

    def _output(self, node: nodes.Output) -> None:
        if self._place.in_role is None and not all(map(_is_blank, node.nodes)):
            self._findings.others_speak = True
        for part in node.nodes:
            if not isinstance(part, nodes.Name | nodes.Getattr | nodes.Getitem):
                self._alone = tuple(_results(part))
                self._visit(part)
                continue
            use = self._use(part, guarded=False)
            if use is not None and self._place.unit.kind in ATTACHING_KINDS:
                self._findings.inserted[use] = None

    def _if(self, node: nodes.If) -> None:
        facts = self._place.facts
        for branch in (node, *node.elif_):
            with self._inside(facts=facts):
                self._visit(branch.test)
            with self._inside(facts=facts | ensured(branch.test, self._scope)):
                bound = self._branch(branch.body)
            self._scope.update(bound)
            facts |= refuted(branch.test, self._scope)
        with self._inside(facts=facts):
            bound = self._branch(node.else_)
        self._scope.update(bound)

    def _branch(self, body: list[nodes.Node]) -> dict[str, Origin | None]:
        before = dict(self._scope)
        self._each(body)
        changed: dict[str, Origin | None] = {
            name: None for name, bound in self._scope.items() if before.get(name, self) != bound
        }
        self._scope = before
        return changed

    def _for(self, node: nodes.For) -> None:
        self._visit(node.iter)
        names = targets(node.target)
        if isinstance(node.target, nodes.Name):
            names[node.target.name] = element(origin(node.iter, self._scope))
        with self._inside({**names, "loop": None}):
            if node.test is not None:
                self._visit(node.test)
            facts = ensured(node.test, self._scope) if node.test is not None else NOTHING
            with self._where(facts):
                self._each(node.body)
        with self._inside({}):
            self._each(node.else_)

    def _macro(self, node: nodes.Macro) -> None:
        self._scope[node.name] = None
        self._closure(node)

    def _closure(self, node: nodes.Macro | nodes.CallBlock) -> None:
        self._each(node.defaults)
        with self._inside({argument.name: None for argument in node.args}):
            self._each(node.body)

    def _call_block(self, node: nodes.CallBlock) -> None:
        self._visit(node.call)
        callee = node.call.node
        if not isinstance(callee, nodes.ExtensionAttribute):
            self._closure(node)
            return
        role = str(getattr(node.call.args[0], "value", "role"))
        if self._place.in_role:
            self._problem(
                node.lineno, role, "role tags cannot be nested", "close the outer one first", "nested-role"
            )
        self._unfiltered(node.lineno, role, f"{{% {role} %}}")
        self._speak(node.lineno, role)
        with self._inside(in_role=role):
            self._closure(node)

    def _speak(self, line: int, role: str) -> None:
        unit, found = self._place.unit, self._findings
        if role != "system":
            found.others_speak = True
        elif found.system is None:
            found.system = RoleUse(unit.name, line, unit.column(line, role))

    def _with(self, node: nodes.With) -> None:
        self._each(node.values)
        names: dict[str, Origin | None] = {}
        for target, value in zip(node.targets, node.values, strict=True):
            names |= self._bound(target, value)
        with self._inside(names):
            self._each(node.body)

    def _assign(self, node: nodes.Assign) -> None:
        self._visit(node.node)
        self._scope.update(self._bound(node.target, node.node))

    def _bound(self, target: nodes.Node, value: nodes.Node) -> dict[str, Origin | None]:
        if isinstance(target, nodes.Name):
            return {target.name: origin(value, self._scope)}
        return targets(target)

    def _assign_block(self, node: nodes.AssignBlock) -> None:
        if node.filter is not None:
            self._visit(node.filter)
        with self._inside({}, is_filtered=self._place.is_filtered or node.filter is not None):
            self._each(node.body)
        self._scope.update(targets(node.target))

    def _filter_block(self, node: nodes.Node) -> None:
        with self._inside({}, is_filtered=True):
            self._children(node)

    def _scoped(self, node: nodes.Node) -> None:
        with self._inside({}):
            self._children(node)

    def _block(self, node: nodes.Block) -> None:
        if node.name not in self._place.overridden:
            self._scoped(node)

    def _autoescape(self, node: nodes.Node) -> None:
        message = "there is no autoescape: prompts are not HTML"
        self._problem(node.lineno, "autoescape", message, "leave it out", "unknown-tag")


def _is_blank(part: nodes.Node) -> bool:
    return isinstance(part, nodes.TemplateData) and not part.data.strip()


def _results(expression: nodes.Node | None) -> Iterator[nodes.Node]:
    """Give what an expression may be as a whole."""
    if isinstance(expression, nodes.CondExpr):
        yield from _results(expression.expr1)
        yield from _results(expression.expr2)
    elif expression is not None:
        yield expression


def targets(target: nodes.Node) -> dict[str, Origin | None]:
    names = [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)
    return {name.name: None for name in names if name.ctx == "store"}
