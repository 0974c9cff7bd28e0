"""Prompts and texts of nothing but names, role tags and constant text: read without Jinja, filled in at once.

What they insert is text as it is; a value of any other type, or one that is not there, is left to Jinja.
"""

import re
from collections.abc import Iterator, Sequence

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.paths import RESERVED, NeedsProcessError, Path, value_at
from promptlab.engine.templating.vocabulary import MAX_SIZE, MAX_TOKENS, ROLES, normalised
from promptlab.schemas.template import Template

LONGEST_SOURCE = MAX_TOKENS  # characters, so that it cannot have more words and signs than that
LONGEST_RESULT = MAX_SIZE // 5  # characters, so that with its marks it cannot measure more than that
IN_TAGS = frozenset(("caller", "kwargs", "varargs"))
_NAME = r"[A-Za-z_]\w*"
SIGN = re.compile(
    rf"\{{\{{\s*(?P<path>{_NAME}(?:\.{_NAME})*)\s*\}}\}}"
    rf"|\{{%\s*(?P<tag>(?:end)?(?:{'|'.join(ROLES)}))\s*%\}}"
    r"|(?P<other>\{[{%#])",
    re.ASCII,
)


@frozen
class Part:
    """Constant texts and paths in turn; `role` None: what no tag claims."""

    role: str | None
    pieces: Sequence[str | Path]

    def text(self, names: Names) -> str:
        found = [piece if isinstance(piece, str) else _inserted(piece, names) for piece in self.pieces]
        return "".join(found)


class _NotPlainError(Exception):
    """There is more to the template than this module knows."""


def plain_parts(template: Template) -> Sequence[Part] | None:
    """Give the parts of a prompt, or the one of a text; None where Jinja must read it."""
    source = normalised(template.source)
    if len(source) > LONGEST_SOURCE:
        return None
    try:
        parts = tuple(_parts(source))
    except _NotPlainError:
        return None
    return parts if template.kind == "prompt" or [part.role for part in parts] == [None] else None


def messages(parts: Sequence[Part], names: Names) -> JSON:
    """Give the messages of a prompt; raises NeedsProcessError where Jinja must say what is wrong."""
    found: list[JSON] = []
    unclaimed = ""
    for part, text in _bounded(parts, names):
        if part.role is None:
            unclaimed += text
        elif content := _content(text.strip()):
            found += [*_by_user(unclaimed), {"role": part.role, "content": content}]
            unclaimed = ""
    found += _by_user(unclaimed)
    if not found:
        raise NeedsProcessError
    return found


def content(parts: Sequence[Part], names: Names) -> str:
    """Give what a text says; raises NeedsProcessError as `messages` does."""
    return _content("".join(text for _, text in _bounded(parts, names)))


def _parts(source: str) -> Iterator[Part]:
    role, pieces, at = None, list[str | Path](), 0
    for sign in SIGN.finditer(source):
        pieces.append(source[at : sign.start()])
        at = sign.end()
        if sign["path"]:
            pieces.append(_path(sign["path"], role))
            continue
        if sign["other"] or sign["tag"].startswith("end") != (role is not None):
            raise _NotPlainError
        yield Part(role, tuple(pieces))
        role, pieces = _next_role(role, sign["tag"]), []
    if role is not None:
        raise _NotPlainError
    yield Part(None, (*pieces, source[at:]))


def _next_role(role: str | None, tag: str) -> str | None:
    if role is None:
        return tag
    if tag != f"end{role}":
        raise _NotPlainError
    return None


def _path(said: str, role: str | None) -> Path:
    path = tuple(said.split("."))
    if path[0] in RESERVED or (role is not None and path[0] in IN_TAGS):
        raise _NotPlainError
    return path


def _inserted(path: Path, names: Names) -> str:
    value = value_at(names, path)
    if type(value) is not str:
        raise NeedsProcessError
    return value


def _bounded(parts: Sequence[Part], names: Names) -> list[tuple[Part, str]]:
    texts = [(part, part.text(names)) for part in parts]
    if sum(len(text) for _, text in texts) > LONGEST_RESULT:
        raise NeedsProcessError
    return texts


def _by_user(text: str) -> list[JSON]:
    content = _content(text.strip())
    return [{"role": "user", "content": content}] if content else []


def _content(text: str) -> str:
    return text.replace("\r\n", "\n")
