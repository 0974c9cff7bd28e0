"""The walk over expressions: filters, tests, calls, comparisons and conditions."""

from typing import Any

from jinja2 import nodes

from promptlab.engine.templating.vocabulary import ALWAYS_THERE, ATTACHING
from promptlab.loader.templating import functions
from promptlab.loader.templating.conditions import chain, ensured, origin, refuted
from promptlab.loader.templating.findings import FileUse, LiteralComparison, Origin
from promptlab.loader.templating.scopes import Scopes, Visitor, Visitors


class Expressions(Scopes):
    """Visits what gives a value."""

    _alone: tuple[nodes.Node, ...] = ()

    def _table(self) -> Visitors:
        own: dict[type[nodes.Node], Any] = {
            nodes.Filter: self._filter,
            nodes.Test: self._test,
            nodes.Call: self._call,
            nodes.Compare: self._compare,
            nodes.And: self._and,
            nodes.Or: self._or,
            nodes.CondExpr: self._condition,
        }
        return {**super()._table(), **own}

    def _guarded(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.CondExpr):
            self._conditional(node, self._guarded)
        elif isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            self._use(node, guarded=True)
        else:
            self._visit(node)

    def _filter(self, node: nodes.Filter) -> None:
        self._add(functions.filter_problems(self._place.unit, node))
        if node.node is not None:
            is_default = node.name in {"default", "d"}
            (self._guarded if is_default else self._visit)(node.node)
        self._arguments(node)

    def _test(self, node: nodes.Test) -> None:
        self._add(functions.test_problems(self._place.unit, node))
        (self._guarded if node.name in {"defined", "undefined"} else self._visit)(node.node)
        self._arguments(node)

    def _arguments(self, node: nodes.Filter | nodes.Test | nodes.Call) -> None:
        self._each([*node.args, *node.kwargs])
        self._each(part for part in (node.dyn_args, node.dyn_kwargs) if part is not None)

    def _call(self, node: nodes.Call) -> None:
        callee = node.node
        if isinstance(callee, nodes.ExtensionAttribute):
            self._role_call(callee, node)
            return
        if isinstance(callee, nodes.Name):
            self._function(callee, node)
        elif isinstance(callee, nodes.Getattr):
            self._method(callee)
        else:
            self._visit(callee)
        self._arguments(node)

    def _function(self, callee: nodes.Name, call: nodes.Call) -> None:
        if callee.name in ATTACHING and callee.name not in self._scope:
            self._file_use(callee, call)
            return
        if self._scope.get(callee.name, callee) is None or callee.name in ALWAYS_THERE:
            return
        is_data = callee.name in self._scope
        own = [name for name, bound in self._scope.items() if bound is None]
        unit = self._place.unit
        self._add([functions.function_problem(unit, callee, own, is_data=is_data)])

    def _file_use(self, callee: nodes.Name, call: nodes.Call) -> None:
        unit, name, line = self._place.unit, callee.name, callee.lineno
        self._add(functions.attaching_problems(unit, call, name, self._place.in_role))
        self._unfiltered(line, name, f"{name}(…)")
        if not any(call is one for one in self._alone):
            hint = f"write {{{{ {name}(…) }}}}, and nothing else between the braces"
            self._problem(line, name, f"{name}(…) is inserted by itself", hint, "file-use")
        argument = call.args[0] if call.args else None
        if argument is None:
            return
        path = argument.value if isinstance(argument, nodes.Const) else None
        of = origin(argument, self._scope)
        if isinstance(argument, nodes.Const) and not isinstance(path, str):
            self._problem(
                line, name, f"{name}(…) takes a path, as text", f"write {name}('data/…')", "file-path"
            )
        elif path is None and of is None:
            message = f"the path that {name}(…) takes is computed, so it cannot be checked before the run"
            self._problem(line, name, message, functions.KNOWN_PATHS, "file-path")
        else:
            use = FileUse(name, path, of, unit.name, line, unit.column(line, name))
            self._findings.files[use] = None

    def _unfiltered(self, line: int, name: str, what: str) -> None:
        """Report what leaves a mark in the text where a filter would act on the mark."""
        if self._place.is_filtered:
            message = f"{what} stands inside a filter, which would act on more than text"
            self._problem(line, name, message, "put the filter around the texts alone", "filtered")

    def _method(self, callee: nodes.Getattr) -> None:
        base, _, _ = chain(callee)
        is_opaque = isinstance(base, nodes.Name) and (
            base.name in ALWAYS_THERE or self._scope.get(base.name, base) is None
        )
        if not is_opaque:
            self._add(functions.method_problems(self._place.unit, callee))
        self._internal_parts(callee)
        self._visit(callee.node)

    def _role_call(self, callee: nodes.ExtensionAttribute, node: nodes.Call) -> None:
        if callee.name != "splice":
            return
        self._unfiltered(node.lineno, "messages", "{% messages %}")
        use = self._use(node.args[0], guarded=False)
        if use is not None:
            self._findings.splices[use] = None

    def _compare(self, node: nodes.Compare) -> None:
        self._children(node)
        for operand in node.ops:
            for path, constant in ((node.expr, operand.expr), (operand.expr, node.expr)):
                found = origin(path, self._scope)
                if found is not None and operand.op in {"eq", "ne", "in", "notin"}:
                    self._literals(found, constant)

    def _literals(self, of: Origin, node: nodes.Node) -> None:
        unit = self._place.unit
        for item in node.items if isinstance(node, nodes.List | nodes.Tuple) else [node]:
            if isinstance(item, nodes.Const) and isinstance(item.value, str):
                column = unit.column(item.lineno, item.value)
                found = LiteralComparison(of.name, of.path, item.value, unit.name, item.lineno, column)
                self._findings.comparisons[found] = None

    def _and(self, node: nodes.And) -> None:
        self._visit(node.left)
        with self._where(ensured(node.left, self._scope)):
            self._visit(node.right)

    def _or(self, node: nodes.Or) -> None:
        self._visit(node.left)
        with self._where(refuted(node.left, self._scope)):
            self._visit(node.right)

    def _condition(self, node: nodes.CondExpr) -> None:
        self._conditional(node, self._visit)

    def _conditional(self, node: nodes.CondExpr, visit: Visitor) -> None:
        self._visit(node.test)
        with self._where(ensured(node.test, self._scope)):
            visit(node.expr1)
        if node.expr2 is not None:
            with self._where(refuted(node.test, self._scope)):
                visit(node.expr2)
