"""The files of a git commit as a source, read from its objects; nothing is checked out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, override

from promptlab.core.display import shown
from promptlab.core.frozen import frozen
from promptlab.loader.git_objects import GitObjects
from promptlab.loader.problems import did_you_mean
from promptlab.loader.sources import FileError

__all__ = ["GitTree"]

LINK, SUBMODULE = "120000", "160000"
MOST_LINKS = 40
LFS_MARK = b"version https://git-lfs.github.com/spec/v1"
LFS_LARGEST = 1024

type Kind = Literal["file", "folder", "nothing", "outside", "loop", "submodule"]
type Names = Mapping[str, Sequence[str]]


@frozen
class _Found:
    """Where a path leads once its links are followed; the root is ""."""

    kind: Kind
    path: str = ""


class GitTree(AbstractContextManager["GitTree"]):
    """The folder `prefix` of a repository (no slash at its end), as it is in `commit`.

    `root` is any folder of the repository. A child process reads the objects; it ends with the `with` block.
    """

    def __init__(self, root: Path, commit: str, prefix: str = "") -> None:
        self._objects = GitObjects(root)
        self._tree = f"{commit}:{prefix}" if prefix else commit

    @override
    def __exit__(self, *_error: object) -> None:
        self._objects.close()

    def locate(self, path: str) -> str:
        found = self._follow(path)
        if found.kind != "file":
            raise self._unusable(path, found.kind)
        return found.path

    def open(self, path: str) -> BinaryIO:
        return self._objects.open(self._content(path))

    def size(self, path: str) -> int:
        return self._objects.look(self._content(path))[1]

    def exists(self, path: str) -> bool:
        return self._follow(path).kind in ("file", "folder")

    def list(self, folder: str) -> list[str]:
        found = self._follow(folder)
        names = self._names[found.path] if found.kind == "folder" else ()
        below = f"{found.path}/" if found.path else ""
        return [self._listed(below, name) for name in names if not name.startswith(".")]

    def contents(self) -> Iterator[tuple[str, BinaryIO]]:
        """Give every file with its content, until the next is asked for; a link as what it leads to.

        What cannot be used is left out, as links to the outside.
        """
        for path in self._entries:
            with suppress(FileError):
                located = self.locate(path)
                yield path, self._objects.look(self._entries[located][1])[0]

    def _listed(self, below: str, name: str) -> str:
        return f"{name}/" if self._follow(below + name).kind == "folder" else name

    def _content(self, path: str) -> str:
        """Give the id of a file's content; raises FileError where that is no more than a pointer."""
        _, oid = self._entries[self.locate(path)]
        stream, size = self._objects.look(oid)
        if size < LFS_LARGEST and stream.read(len(LFS_MARK)) == LFS_MARK:
            message = f"{shown(path)} is kept in Git LFS; the commit has no more than a pointer to it"
            raise FileError(message, code="lfs")
        return oid

    @cached_property
    def _entries(self) -> Mapping[str, tuple[str, str]]:
        """Mode and id of all that is no folder, by its path."""
        return self._objects.paths(self._tree)

    @cached_property
    def _names(self) -> Names:
        """The names in each folder, sorted."""
        found: dict[str, set[str]] = {"": set()}
        for path in self._entries:
            for part in (path, *(str(parent) for parent in PurePosixPath(path).parents)):
                if part != ".":
                    folder, _, name = part.rpartition("/")
                    found.setdefault(folder, set()).add(name)
        return {folder: sorted(names) for folder, names in found.items()}

    def _follow(self, path: str) -> _Found:
        done, waiting, links = "", _parts(path), 0
        while waiting:
            part = waiting.pop(0)
            if part == "..":
                if not done:
                    return _Found("outside")
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{part}" if done else part
            mode, oid = self._entries.get(here, ("", ""))
            if mode == SUBMODULE:
                return _Found("submodule", here)
            if mode == LINK:
                links, target = links + 1, self._target(oid)
                if target.startswith("/") or links > MOST_LINKS:
                    return _Found("outside" if target.startswith("/") else "loop")
                waiting = _parts(target) + waiting
            else:
                done = here
        return _Found(self._kind(done), done)

    def _target(self, oid: str) -> str:
        return self._objects.look(oid)[0].read().decode("utf-8", "surrogateescape")

    def _kind(self, path: str) -> Kind:
        if path in self._entries:
            return "file"
        return "folder" if path in self._names else "nothing"

    def _unusable(self, path: str, kind: Kind) -> FileError:
        match kind:
            case "folder":
                return FileError(f"{shown(path)} is a folder, not a file", hint="name a file in it")
            case "outside":
                hint = "copy the file into the project"
                return FileError(f"{shown(path)} leads outside the project", hint=hint)
            case "loop":
                return FileError(f"{shown(path)} is a link that leads to itself")
            case "submodule":
                return FileError(f"{shown(path)} lies in a submodule, which is not read", code="submodule")
        near = did_you_mean(path, self._entries)
        return FileError(f"there is no file {shown(path)}", code="no-file", hint=near)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
