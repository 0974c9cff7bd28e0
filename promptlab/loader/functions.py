"""Reads what `path.py:function` names from its source; project code is never imported for it."""

import ast
import hashlib
import importlib.util
import json
import posixpath
import re
from collections.abc import Collection, Iterator

from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean, suggest
from promptlab.engine.function import Function, Parameter
from promptlab.loader.project_imports import Read, files_imported, parse_source

__all__ = ["Flaw", "check_call", "read_function"]

_FORM = re.compile(r"(?P<path>[^:\0\\]+\.py):(?P<name>[^\W\d]\w*)")
type _Definition = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@frozen
class Flaw:
    """Why a reference cannot be used. `path` is None where the reference itself is wrong, then without line.

    `line` and `column` count from 1, in the file at `path`.
    """

    message: str
    hint: str | None = None
    path: str | None = None
    line: int | None = None
    column: int | None = None


class _Refused(Exception):
    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw


def read_function(reference: str, read: Read) -> Function | Flaw:
    """Return the function that REFERENCE names, or why there is none.

    READ gives the bytes of a file by its path below the project's root, or raises an OSError.
    """
    try:
        path, name = _split(reference)
        source = _read(path, read)
        tree = _parse(path, source)
        return _function(path, source, _find(path, tree, name), _files(path, source, tree, read))
    except _Refused as refused:
        return refused.flaw


def check_call(function: Function, names: Collection[str]) -> list[str]:
    """Return what is wrong with calling FUNCTION with arguments of these NAMES; nothing when it can be."""
    known = [parameter.name for parameter in function.parameters]
    missing = [p.name for p in function.parameters if p.required and p.name not in names]
    unknown = [] if function.accepts_extra else [name for name in names if name not in known]
    return [
        *(f"{function.reference} needs the argument '{name}'" for name in missing),
        *(f"{function.reference} has no parameter '{name}'{_instead(name, known)}" for name in unknown),
    ]


def _instead(name: str, known: list[str]) -> str:
    close = suggest(name, known)
    return f"; did you mean '{close}'?" if close else f"; it takes {', '.join(known) or 'none'}"


def _split(reference: str) -> tuple[str, str]:
    match = _FORM.fullmatch(reference)
    if not match:
        raise _Refused(Flaw(f"'{reference}' is not a path.py:function", "write it like tools/score.py:score"))
    path = posixpath.normpath(match["path"])
    if path.startswith(("/", "../")):
        raise _Refused(Flaw(f"'{match['path']}' lies outside the project", "paths are relative to its root"))
    return path, match["name"]


def _read(path: str, read: Read) -> bytes:
    try:
        return read(path)
    except FileNotFoundError:
        raise _Refused(Flaw(f"no file '{path}'", "paths are relative to the project's root")) from None
    except OSError as error:
        raise _Refused(Flaw(f"cannot read '{path}': {error.strerror or error}")) from error


def _parse(path: str, source: bytes) -> ast.Module:
    try:
        return parse_source(source)
    except SyntaxError as error:
        raise _Refused(_syntax_flaw(path, error)) from error


def _syntax_flaw(path: str, error: SyntaxError) -> Flaw:
    return Flaw(f"not valid Python: {error.msg}", None, path, error.lineno or 1, error.offset or 1)


def _find(path: str, tree: ast.Module, name: str) -> _Definition:
    bound = dict(_bindings(tree.body))
    node = bound.get(name)
    if node is None:
        functions = [key for key, value in bound.items() if isinstance(value, _DEFINITIONS)]
        hint = did_you_mean(name, functions) if functions else "the file defines none"
        raise _Refused(Flaw(f"no function '{name}' in {path}", hint or f"it defines {len(functions)} others"))
    if not isinstance(node, _DEFINITIONS):
        raise _Refused(
            _flaw_at(path, node, f"'{name}' is {_what(node)}, not a function", _ADVICE[type(node)])
        )
    if node.args.posonlyargs:
        first = node.args.posonlyargs[0]
        message = f"'{name}' has the positional-only parameter '{first.arg}'"
        raise _Refused(_flaw_at(path, first, message, "arguments are given by name: remove the '/'"))
    return node


_ADVICE: dict[type[ast.AST], str] = {
    ast.ClassDef: "name a function that makes one and calls it",
    ast.Assign: "define it with def",
    ast.AnnAssign: "define it with def",
    ast.Import: "name the file that defines it",
    ast.ImportFrom: "name the file that defines it",
}


def _what(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef):
        return "a class"
    return "an import" if isinstance(node, ast.Import | ast.ImportFrom) else "a variable"


def _flaw_at(path: str, node: ast.stmt | ast.arg, message: str, hint: str) -> Flaw:
    return Flaw(message, hint, path, node.lineno, node.col_offset + 1)


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """The module's own names and what binds them; the last binding comes last."""
    for node in body:
        yield from ((name, node) for name in _names(node))
        for inner in ("body", "handlers", "orelse", "finalbody"):
            if not isinstance(node, (ast.ClassDef, *_DEFINITIONS)):
                yield from _bindings(getattr(node, inner, []))


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name for alias in node.names]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _files(path: str, source: bytes, tree: ast.Module, read: Read) -> tuple[tuple[str, str], ...]:
    try:
        files = {path: source, **files_imported(path, tree, read)}
    except SyntaxError as error:
        raise _Refused(_syntax_flaw(error.filename or path, error)) from error
    return tuple((name, hashlib.sha256(files[name]).hexdigest()) for name in sorted(files))


def _function(path: str, source: bytes, node: _Definition, files: tuple[tuple[str, str], ...]) -> Function:
    return Function(
        path=path,
        name=node.name,
        source=importlib.util.decode_source(source),
        parameters=tuple(_parameters(node.args)),
        accepts_extra=node.args.kwarg is not None,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        line=node.lineno,
        digest=hashlib.sha256(json.dumps(files).encode()).hexdigest(),
        files=files,
        returns=ast.unparse(node.returns) if node.returns is not None else None,
    )


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    first_default = len(arguments.args) - len(arguments.defaults)
    for index, argument in enumerate(arguments.args):
        yield Parameter(argument.arg, index < first_default, _annotation(argument), "positional_or_keyword")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield Parameter(argument.arg, default is None, _annotation(argument), "keyword_only")


def _annotation(argument: ast.arg) -> str | None:
    return ast.unparse(argument.annotation) if argument.annotation else None
