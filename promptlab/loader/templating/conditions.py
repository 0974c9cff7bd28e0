"""What a condition says about names: which are surely defined where it holds, and where it does not."""

from collections.abc import Mapping
from typing import Final

from jinja2 import nodes

from promptlab.loader.templating.findings import ANY_ELEMENT, Origin, Path

type Scope = Mapping[str, Origin | None]
type Facts = frozenset[Origin]

NOTHING: Final[Facts] = frozenset()


def chain(node: nodes.Node) -> tuple[nodes.Node, Path, list[nodes.Node]]:
    """Take ``a.b[0][c]`` apart: base, constant path up to the first computed part, computed parts."""
    parts: list[str | int | None] = []
    computed: list[nodes.Node] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        else:
            parts.append(_constant(node.arg))
            computed += [] if parts[-1] is not None else [node.arg]
        node = node.node
    return node, _until_computed(parts[::-1]), computed


def origin(node: nodes.Node, scope: Scope) -> Origin | None:
    """Return the outside name and path that an expression is, or None where it is anything else."""
    base, path, computed = chain(node)
    if not isinstance(base, nodes.Name) or computed:
        return None
    bound = scope.get(base.name, Origin(base.name))
    return bound.below(path) if bound else None


def ensured(test: nodes.Node, scope: Scope) -> Facts:
    """Return what is defined where the test holds."""
    if isinstance(test, nodes.Not):
        return refuted(test.node, scope)
    if isinstance(test, nodes.And):
        return ensured(test.left, scope) | ensured(test.right, scope)
    if isinstance(test, nodes.Or):
        return ensured(test.left, scope) & ensured(test.right, scope)
    if isinstance(test, nodes.Compare):
        return _step_passed(test, scope) | _column_there(test, "in", scope)
    return _tested(test, "defined", scope)


def refuted(test: nodes.Node, scope: Scope) -> Facts:
    """Return what is defined where the test does not hold."""
    if isinstance(test, nodes.Not):
        return ensured(test.node, scope)
    if isinstance(test, nodes.And):
        return refuted(test.left, scope) & refuted(test.right, scope)
    if isinstance(test, nodes.Or):
        return refuted(test.left, scope) | refuted(test.right, scope)
    if isinstance(test, nodes.Compare):
        return _column_there(test, "notin", scope)
    return _tested(test, "undefined", scope)


def element(of: Origin | None) -> Origin | None:
    """Return what a loop's target is when it takes the elements of a path."""
    return of.below((ANY_ELEMENT,)) if of else None


def _tested(test: nodes.Node, name: str, scope: Scope) -> Facts:
    if not isinstance(test, nodes.Test) or test.name != name:
        return NOTHING
    found = origin(test.node, scope)
    return frozenset((found,)) if found else NOTHING


def _step_passed(test: nodes.Compare, scope: Scope) -> Facts:
    found = origin(test.expr, scope)
    if found is None or found.path != ("status",) or len(test.ops) != 1:
        return NOTHING
    operand = test.ops[0]
    is_passed = operand.op == "eq" and _constant(operand.expr) == "passed"
    return (
        frozenset((Origin(found.name, ("output",)), Origin(found.name, ("messages",))))
        if is_passed
        else NOTHING
    )


def _column_there(test: nodes.Compare, operator: str, scope: Scope) -> Facts:
    """Read `'label' in row`, or `not in`."""
    name = _constant(test.expr)
    if name is None or len(test.ops) != 1 or test.ops[0].op != operator:
        return NOTHING
    is_row = origin(test.ops[0].expr, scope) == Origin("row")
    return frozenset((Origin("row", (name,)),)) if is_row else NOTHING


def _constant(node: nodes.Node) -> str | int | None:
    is_constant = isinstance(node, nodes.Const) and isinstance(node.value, str | int)
    return node.value if is_constant and not isinstance(node.value, bool) else None  # type: ignore[attr-defined]


def _until_computed(parts: list[str | int | None]) -> Path:
    path: list[str | int] = []
    for part in parts:
        if part is None:
            break
        path.append(part)
    return tuple(path)
