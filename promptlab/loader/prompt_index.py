"""The templates of a project, and which steps use each, also through what it is included by."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import partial
from pathlib import PurePosixPath

from promptlab.core.frozen import frozen
from promptlab.loader.document import parse_yaml
from promptlab.loader.files import ProjectFiles, project_path
from promptlab.loader.front_matter import split_front_matter
from promptlab.loader.problems import Problems
from promptlab.loader.prompt_places import prompt_places
from promptlab.loader.prompts import FOLDER, SUFFIXES
from promptlab.loader.sources import FileError
from promptlab.loader.templates import included_names

DEEPEST = 12  # folders below prompts/

type Names = tuple[tuple[str, ...], ...]
type Find = Callable[[str, str, Callable[[], Names]], Names]


@frozen
class PromptUser:
    """A step of a pipeline that uses a template. `through`: the template that it names, if it is not this."""

    pipeline: str
    path: str
    step: str | None
    through: str | None


@frozen
class PromptIndex:
    """What the files of a project say of its templates.

    `includes`: by the path of a template, the paths of those that it includes itself.
    """

    includes: Mapping[str, tuple[str, ...]]
    _named: Mapping[str, tuple[PromptUser, ...]] = field(repr=False)

    @property
    def paths(self) -> list[str]:
        return sorted(self.includes)

    def users(self, path: str) -> list[PromptUser]:
        """Give the steps that use a template, in order of their pipelines."""
        found = [*self._named.get(path, ())]
        for other in self.includers(path):
            users = self._named.get(other, ())
            found += [PromptUser(user.pipeline, user.path, user.step, other) for user in users]
        return sorted(found, key=lambda user: (user.path, user.step or "", user.through or ""))

    def includers(self, path: str) -> list[str]:
        """Give the templates that include one, directly or through others."""
        found, waiting = set[str](), [path]
        while waiting:
            wanted = waiting.pop()
            more = {other for other, names in self.includes.items() if wanted in names} - found - {path}
            found |= more
            waiting += more
        return sorted(found)


def prompt_index(files: ProjectFiles, pipelines: list[str], find: Find) -> PromptIndex:
    """Read the templates below prompts/, and those elsewhere that pipelines name.

    `find` is given what is looked for, a text and how to find it there, and may remember what was found.
    """
    named: dict[str, list[PromptUser]] = {}
    for path in pipelines:
        text = _text(files, path)
        (name,), *places = find("prompts", text, partial(_places, path, text))
        for step, prompt in places:
            user = PromptUser(name or PurePosixPath(path).stem, path, step or None, None)
            named.setdefault(prompt, []).append(user)
    paths = {*files_below(files, FOLDER.rstrip("/")), *filter(files.exists, named)}
    includes = {path: _includes(path, _text(files, path), find) for path in paths}
    return PromptIndex(includes, {path: tuple(dict.fromkeys(users)) for path, users in named.items()})


def files_below(
    files: ProjectFiles, folder: str, suffixes: tuple[str, ...] = SUFFIXES, depth: int = 0
) -> Iterator[str]:
    """Give the paths of the files with such names in a folder and those below it, twelve deep."""
    if depth > DEEPEST or not files.exists(folder):
        return
    for name in files.list(folder):
        path = f"{folder}/{name.rstrip('/')}"
        if name.endswith("/"):
            yield from files_below(files, path, suffixes, depth + 1)
        elif name.endswith(suffixes):
            yield path


def _text(files: ProjectFiles, path: str) -> str:
    try:
        return files.read_text(path, Problems()) or ""
    except FileError:
        return ""


def _places(path: str, text: str) -> Names:
    """Give the name that a pipeline gives itself, "" for none, then steps (likewise) and what they name."""
    document = parse_yaml(path, text, Problems())
    value = document.value if document is not None else None
    name = value.get("name") if isinstance(value, dict) else None
    found = ((step or "", _below_root(prompt)) for step, prompt in prompt_places(value))
    return ((name if isinstance(name, str) else "",), *((step, prompt) for step, prompt in found if prompt))


def _below_root(prompt: str) -> str | None:
    try:
        return project_path(prompt)
    except FileError:
        return None


def _includes(path: str, text: str, find: Find) -> tuple[str, ...]:
    body = split_front_matter(path, text, Problems()).body
    (names,) = find("includes", body, lambda: (included_names(body),))
    return tuple(f"{FOLDER}{name}" for name in names)
