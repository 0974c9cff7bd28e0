"""Sources without what nothing hangs on: comments, and blanks where they mean nothing."""

import ast
from functools import lru_cache
from hashlib import sha256

from promptlab.core.json import JSON, digest
from promptlab.schemas.template import TemplateKind

NO_MEANING = ("whitespace", "comment_begin", "comment", "comment_end", "raw_begin", "raw_end")
MARKS = ("block_begin", "block_end", "variable_begin", "variable_end")


@lru_cache(maxsize=10_000)
def template_digest(kind: TemplateKind, source: str, *, whole: bool = True) -> str:
    """Give the digest of what a template says. `whole`: it is no part of others, so its ends are stripped."""
    from jinja2 import TemplateError  # noqa: PLC0415 - slow to import

    try:
        tokens = _tokens(kind, source)
    except (TemplateError, ValueError, RecursionError):
        return digest(source)
    if whole and kind == "prompt" and tokens and tokens[0][0] == "data":
        tokens[0] = ("data", tokens[0][1].lstrip())
    if whole and kind == "prompt" and tokens and tokens[-1][0] == "data":
        tokens[-1] = ("data", tokens[-1][1].rstrip())
    plain: JSON = [list(token) for token in tokens if token != ("data", "")]
    return digest(plain)


def _tokens(kind: TemplateKind, source: str) -> list[tuple[str, str]]:
    from promptlab.engine.templating.environment import TemplateEnvironment  # noqa: PLC0415 - likewise
    from promptlab.engine.templating.vocabulary import normalised  # noqa: PLC0415

    text = normalised(source)
    environment = TemplateEnvironment({}, kind)
    found: list[tuple[str, str]] = []
    for _, type_, value in environment.lex(f"{{{{ {text} }}}}" if kind == "expression" else text):
        if type_ in NO_MEANING:
            continue
        if type_ == "data" and found and found[-1][0] == "data":
            found[-1] = ("data", found[-1][1] + value)
        else:
            found.append((type_, "" if type_ in MARKS else value))
    return found


@lru_cache(maxsize=10_000)
def python_digest(source: bytes) -> str:
    """Give the digest of what a Python file says: of its syntax tree, so that comments count for nothing."""
    tree = _tree(source)
    return sha256(source if tree is None else ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=10_000)
def texts_in(source: bytes) -> frozenset[str]:
    """Give the texts in a Python file that could be names of files."""
    tree = _tree(source)
    nodes = ast.walk(tree) if tree is not None else ()
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return frozenset(text.removeprefix("./") for text in texts if "." in text and "\n" not in text)


def _tree(source: bytes) -> ast.Module | None:
    from promptlab.loader.project_imports import parse_source  # noqa: PLC0415

    try:
        return parse_source(source)
    except SyntaxError:
        return None
