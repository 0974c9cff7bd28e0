"""What checking pipelines found, remembered for as long as all that was looked at is as it was."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path
from typing import BinaryIO

from promptlab.core.config import Settings
from promptlab.core.frozen import frozen, slotted
from promptlab.loader.files import SETTLED_NS, FileStamp
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.loader.sources import FileError, Source
from promptlab.loader.validating import Checked, check_now

MOST = 5_000

type Look = tuple[str, str]  # what was asked about a path, and the path
type State = str | bool | tuple[str, ...] | FileStamp | None


@frozen
class _Known:
    settings: Settings
    seen: dict[Look, State]
    checked: Checked


class KnownPipelines:
    """Checks of pipelines by path; those of longest ago go where they are too many. For many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def looking(self, project: Project) -> "Looking":
        """Give what checks pipelines for one request, which looks at no file twice."""
        return Looking(self, project)

    def get(self, path: str) -> _Known | None:
        return self._known.get(path)

    def keep(self, path: str, known: _Known) -> None:
        self._known[path] = known
        while len(self._known) > self._most:
            self._known.popitem(last=False)


@slotted
class Looking:
    """Checks the pipelines of a project as they are now, from memory where that is sure."""

    known: KnownPipelines
    project: Project
    _now: dict[Look, State] = field(default_factory=dict)

    def check(self, project: Project, path: str, memory: LoadingMemory) -> Checked:
        """Check a pipeline; `loaded` is None where it was known."""
        found = self.known.get(path)
        if found is not None and self._is_same(found):
            return found.checked
        noting = _Noting(project.files.source, project.root)
        checked = check_now(project, path, memory, source=noting)
        if noting.is_sure:
            light = replace(checked, loaded=None)
            self.known.keep(path, _Known(project.settings, noting.seen, light))
        return checked

    def _is_same(self, found: _Known) -> bool:
        same_settings = found.settings is self.project.settings or found.settings == self.project.settings
        return same_settings and all(self._state(look) == state for look, state in found.seen.items())

    def _state(self, look: Look) -> State:
        if look not in self._now:
            self._now[look] = _state(self.project.files.source, self.project.root, look)
        return self._now[look]


class _Noting:
    """A source that notes what is looked at, and how that was just before."""

    def __init__(self, source: Source, root: Path) -> None:
        self._source = source
        self._root = root
        self.seen: dict[Look, State] = {}

    @property
    def is_sure(self) -> bool:
        """Whether all that was opened would look otherwise if it had changed."""
        return all(state is not None for (asked, _), state in self.seen.items() if asked == "content")

    def locate(self, path: str) -> str:
        self._note("place", path)
        return self._source.locate(path)

    def open(self, path: str) -> BinaryIO:
        self._note("content", path)
        return self._source.open(path)

    def size(self, path: str) -> int:
        self._note("content", path)
        return self._source.size(path)

    def exists(self, path: str) -> bool:
        self._note("presence", path)
        return self._source.exists(path)

    def list(self, folder: str) -> list[str]:
        self._note("names", folder)
        return self._source.list(folder)

    def _note(self, asked: str, path: str) -> None:
        look = asked, path
        if look not in self.seen:
            self.seen[look] = _state(self._source, self._root, look)


def _state(source: Source, root: Path, look: Look) -> State:
    asked, path = look
    return _STATES[asked](source, root, path)


def _place(source: Source, _: Path, path: str) -> str | None:
    try:
        return source.locate(path)
    except FileError:
        return None


def _stamp(_: Source, root: Path, path: str) -> FileStamp | None:
    """Give what changes with a content; None where that is too new to tell, or gone."""
    try:
        found = os.stat(root / path)  # noqa: PTH116 - quicker, for each file of each pipeline
    except OSError:
        return None
    if found.st_mtime_ns > time.time_ns() - SETTLED_NS:
        return None
    return FileStamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


_STATES: dict[str, Callable[[Source, Path, str], State]] = {
    "place": _place,
    "content": _stamp,
    "presence": lambda source, _, path: source.exists(path),
    "names": lambda source, _, path: tuple(source.list(path)),
}
