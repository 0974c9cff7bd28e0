"""Patterns of paths: `*`, `?` and `[…]` within a name, `**` for any number of folders."""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache

from promptlab.core.display import shown
from promptlab.core.suggest import suggest
from promptlab.loader.files import ProjectFiles, project_path
from promptlab.loader.sources import FileError

__all__ = ["files_matching"]

MAGIC = re.compile(r"[*?\[]")
ANY_FOLDERS = "**"
MOST_FOLDERS = 10_000
MOST_FILES = 10_000
FEW = 8


def files_matching(files: ProjectFiles, name: str) -> list[str]:
    """The files that a path or pattern means, sorted; one that goes by two names is there once.

    A file of just this name goes before a pattern. Raises FileError where a pattern matches nothing.
    """
    if not MAGIC.search(name) or files.exists(name):
        return [name]
    path = project_path(name)
    found = sorted(_Walk(files).matches("", path.split("/")))
    if not found:
        raise FileError(f"no file matches {shown(name)}", code="no-file", hint=_near(files, path))
    if len(found) > MOST_FILES:
        hint = "write a narrower pattern, or fewer and larger files"
        raise FileError(
            f"{shown(name)} matches more than {MOST_FILES:,} files", code="too-many-files", hint=hint
        )
    kept: dict[str, str] = {}
    for one in found:
        kept.setdefault(files.resolve(one), one)
    return list(kept.values())


class _Walk:
    """Looks into folders; into how many is bounded, as links may lead round in circles."""

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files
        self._folders = 0

    def matches(self, folder: str, parts: Sequence[str]) -> set[str]:
        """The files below a folder that match the parts of a pattern."""
        first, rest = parts[0], parts[1:]
        names = self._names(folder)
        if first == ANY_FOLDERS:
            return self._at_any_depth(folder, names, rest)
        here = [one for one in names if _matches(first, one.removesuffix("/"))]
        if not rest:
            return {folder + one for one in here if not one.endswith("/")}
        return {path for one in here if one.endswith("/") for path in self.matches(folder + one, rest)}

    def _at_any_depth(self, folder: str, names: Sequence[str], rest: Sequence[str]) -> set[str]:
        found = self.matches(folder, rest or ["*"])
        for one in names:
            if one.endswith("/"):
                found |= self.matches(folder + one, [ANY_FOLDERS, *rest])
        return found

    def _names(self, folder: str) -> list[str]:
        self._folders += 1
        if self._folders > MOST_FOLDERS:
            hint = "begin the pattern with the folder that the files are in"
            raise FileError(
                f"a pattern over more than {MOST_FOLDERS:,} folders", code="too-many-files", hint=hint
            )
        return [one for one in self._files.list(folder.removesuffix("/")) if not one.startswith(".")]


def _matches(part: str, name: str) -> bool:
    return _compiled(part).fullmatch(name) is not None


@lru_cache(maxsize=64)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(translate(part))


def _near(files: ProjectFiles, pattern: str) -> str:
    """What there is where the pattern begins."""
    parts = pattern.split("/")
    fixed: list[str] = []
    for part in parts[:-1]:
        if MAGIC.search(part) or part + "/" not in files.list("/".join(fixed)):
            break
        fixed.append(part)
    folder = "/".join(fixed)
    names = files.list(folder)
    where = f"in {folder}/" if folder else "in the project"
    if not names:
        return f"there is nothing {where}"
    near = suggest(parts[len(fixed)], names)
    if near is not None:
        return f"did you mean '{'/'.join((*fixed, near))}'?"
    more = ", …" if len(names) > FEW else ""
    return f"{where} there are {', '.join(map(shown, names[:FEW]))}{more}"
