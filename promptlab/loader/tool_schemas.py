"""What a model is told of a tool: its name, what it is for and its parameters, read from its source."""

import ast
import re
import warnings
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.conversation import Tool
from promptlab.engine.function import Function
from promptlab.engine.tool import ProjectTool
from promptlab.loader.annotations import NoSchema, Schema, Types, object_schema
from promptlab.loader.docstrings import Docstring, read_docstring
from promptlab.schemas.refusal import Refusal

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NO_MAP = "a model gives arguments by name: write each as a parameter of its own"

type _Definition = ast.FunctionDef | ast.AsyncFunctionDef


def read_tool(function: Function) -> ProjectTool:
    """Give the function as a tool; raises Refusal, saying what is wrong with its signature and where."""
    if not _NAME.fullmatch(function.name):
        hint = "a tool's name has plain letters, digits and _, 64 at most"
        raise Refusal(f"'{function.name}' cannot be the name of a tool", hint=hint, code="tool")
    with warnings.catch_warnings(action="ignore"):
        tree = ast.parse(function.source)
    node = _definition(tree, function)
    doc = read_docstring(ast.get_docstring(node) or "")
    parameters = _Signature(function, Types.of(tree), doc).schema(node.args)
    return ProjectTool(function, Tool(function.name, doc.summary, parameters))


def _definition(tree: ast.Module, function: Function) -> _Definition:
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.name, node.lineno) == (function.name, function.line)
    )


@slotted
class _Signature:
    """Collects what is wrong with parameters, so that all of it is told at once."""

    function: Function
    types: Types
    doc: Docstring
    flaws: list[tuple[str, str]] = field(default_factory=list)

    def schema(self, arguments: ast.arguments) -> Schema:
        for variadic, stars in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
            if variadic is not None:
                self._object(variadic, f"'{stars}{variadic.arg}' takes any number", _NO_MAP)
        nodes = (*arguments.args, *arguments.kwonlyargs)
        properties: Schema = {node.arg: self._parameter(node) for node in nodes}
        if self.flaws:
            message = "; ".join(flaw for flaw, _ in self.flaws)
            raise Refusal(message, hint=self.flaws[0][1], code="tool")
        required: list[JSON] = [one.name for one in self.function.parameters if one.required]
        return object_schema(properties, required)

    def _parameter(self, node: ast.arg) -> Schema:
        if node.annotation is None:
            self._object(node, f"'{node.arg}' has no type hint", f"write it like {node.arg}: str")
            return {}
        try:
            schema = self.types.schema(node.annotation)
        except NoSchema as error:
            self._object(node, f"'{node.arg}': {error}", error.hint)
            return {}
        except RecursionError:
            self._object(node, f"'{node.arg}' has a type that is nested too deep", "say it in fewer layers")
            return {}
        said = self.doc.parameters.get(node.arg)
        return {"description": said, **schema} if said else schema

    def _object(self, node: ast.arg, what: str, hint: str) -> None:
        flaw = f"{self.function.path}:{node.lineno}: in the tool {self.function.name} the parameter {what}"
        self.flaws.append((flaw, hint))
