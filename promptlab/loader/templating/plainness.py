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
OF_A_VALUE = (nodes.Filter, nodes.Getattr, nodes.Getitem)


def computes(tree: nodes.Template) -> bool:
    """Say whether something in the tree, or its being empty, may fail whatever the row."""
    return (
        any(tree.find(kind) is not None for kind in COMPUTING)
        or any(not _is_tag(call) for call in tree.find_all(nodes.Call))
        or any(_is_constant(loop.iter) for loop in tree.find_all(nodes.For))
        or any(_is_constant(one) for one in tree.find_all(OF_A_VALUE))
        or not _says_something(tree)
    )


def _is_tag(call: nodes.Call) -> bool:
    """Whether a call is how one of our own tags is written in the tree."""
    return isinstance(call.node, nodes.ExtensionAttribute)


def _is_constant(expression: nodes.Node) -> bool:
    return not isinstance(expression, nodes.Name) and expression.find(nodes.Name) is None


def _says_something(tree: nodes.Template) -> bool:
    has_text = any(data.data.strip() for data in tree.find_all(nodes.TemplateData))
    return has_text or tree.find(nodes.Name) is not None
