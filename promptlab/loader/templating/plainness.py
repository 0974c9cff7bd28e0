"""Whether a template computes anything without rows, so that trying it without them could tell something."""

from jinja2 import nodes

COMPUTING: tuple[type[nodes.Node], ...] = (
    nodes.BinExpr,
    nodes.Concat,
    nodes.Macro,
    nodes.FilterBlock,
    nodes.Include,
    nodes.Extends,
    nodes.Import,
    nodes.FromImport,
)


def computes(tree: nodes.Template) -> bool:
    """Say whether something in the tree, or its being empty, may fail whatever the row."""
    every = list(tree.find_all(nodes.Node))
    return any(map(_may_fail, every)) or not any(map(_says_something, every))


def _may_fail(node: nodes.Node) -> bool:
    match node:
        case nodes.Call():
            return not _is_tag(node)
        case nodes.For():
            return _is_constant(node.iter)
        case nodes.Filter() | nodes.Getattr() | nodes.Getitem():
            return _is_constant(node)
        case _:
            return isinstance(node, COMPUTING)


def _is_tag(call: nodes.Call) -> bool:
    """Whether a call is how one of our own tags is written in the tree."""
    return isinstance(call.node, nodes.ExtensionAttribute)


def _is_constant(expression: nodes.Node) -> bool:
    return not isinstance(expression, nodes.Name) and expression.find(nodes.Name) is None


def _says_something(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) or (isinstance(node, nodes.TemplateData) and bool(node.data.strip()))
