"""From a source to Jinja's syntax tree, for each kind of template."""

from jinja2 import Environment, nodes
from jinja2.parser import Parser

from promptlab.engine.templating.vocabulary import TemplateKind, normalised

RESULT = "_result"


def parse(
    environment: Environment, kind: TemplateKind, source: str, name: str | None = None
) -> nodes.Template:
    """Return the syntax tree of a source; an expression becomes a template that outputs it."""
    if kind != "expression":
        return Parser(environment, normalised(source), name).parse()
    parser = Parser(environment, normalised(source), name, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("one expression expected, something follows it", parser.stream.current.lineno)
    tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
    tree.set_environment(environment)
    return tree


def single_expression(kind: TemplateKind, tree: nodes.Template) -> nodes.Expr | None:
    """Return the one expression whose type is kept, for an expression or a value that is no more than one."""
    if kind not in {"expression", "value"}:
        return None
    outputs = [node for node in tree.body if not _is_blank(node)]
    if len(outputs) != 1 or not isinstance(outputs[0], nodes.Output):
        return None
    parts = [part for part in outputs[0].nodes if not _is_blank_text(part)]
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        return None
    return parts[0]


def assignment(expression: nodes.Expr, environment: Environment) -> nodes.Template:
    """Return a template that stores an expression's value under RESULT."""
    target = nodes.Name(RESULT, "store", lineno=expression.lineno)
    tree = nodes.Template([nodes.Assign(target, expression, lineno=expression.lineno)], lineno=1)
    tree.set_environment(environment)
    return tree


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(_is_blank_text(part) for part in node.nodes)


def _is_blank_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
