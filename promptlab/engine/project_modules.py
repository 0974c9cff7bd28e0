"""Imports project files inside a worker's child, and says what went wrong in them. Light to import."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import Any

MAX_MESSAGE = 1000
MAX_FRAMES = 10
MAX_LINE = 200


class ChangedError(ImportError):
    """A project file is not the one that the pipeline was loaded with."""


class Project:
    """The project at ROOT: its files are imported from source, only as they were when they were loaded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._expected: dict[str, str] = {}
        self._modules: dict[str, ModuleType] = {}
        sys.dont_write_bytecode = True
        sys.path_hooks.insert(0, self._finder)
        sys.path_importer_cache.clear()
        self._search(root)

    def load(self, path: str, name: str, files: list[list[str]]) -> Callable[..., Any]:
        """Return the function NAME of the file at PATH; ChangedError if FILES ([path, SHA-256]) differ."""
        self._expected.update({str(self._root / file): digest for file, digest in files})
        if path not in self._modules:
            self._search((self._root / path).parent)
            self._modules[path] = self._execute(path)
        function = getattr(self._modules[path], name, None)
        if not callable(function):
            raise ImportError(f"{path} has no function '{name}' once it has run")  # noqa: TRY004 - as Python's own
        return function  # type: ignore[no-any-return]

    def relative(self, filename: str) -> str | None:
        """FILENAME below the root, or None where it is no project file."""
        file = Path(filename)
        if not file.is_relative_to(self._root) or "site-packages" in file.parts:
            return None
        return file.relative_to(self._root).as_posix()

    def read(self, filename: str) -> bytes:
        source = Path(filename).read_bytes()
        expected = self._expected.get(filename)
        if expected not in (None, hashlib.sha256(source).hexdigest()):
            raise ChangedError(f"file changed since it was loaded: {self.relative(filename)}")
        return source

    def _execute(self, path: str) -> ModuleType:
        filename = str(self._root / path)
        name = _module_name(path)
        present = sys.modules.get(name)
        if present is not None and getattr(present, "__file__", None) == filename:
            return present
        if present is not None or name in sys.stdlib_module_names:
            name = f"promptlab_project.{name}"
        return _execute(name, filename, ProjectLoader(name, filename, self))

    def _search(self, folder: Path) -> None:
        """Look for imports in FOLDER after the standard library, before installed packages."""
        if str(folder) not in sys.path:
            installed = (i for i, entry in enumerate(sys.path) if "site-packages" in entry)
            first = next(installed, len(sys.path))
            ours = str(self._root) in sys.path
            sys.path.insert(sys.path.index(str(self._root)) + 1 if ours else first, str(folder))

    def _finder(self, folder: str) -> FileFinder:
        if self.relative(folder) is None:
            raise ImportError("not a folder of the project")
        extensions = (ExtensionFileLoader, EXTENSION_SUFFIXES)
        return FileFinder(folder, extensions, (self._loader, SOURCE_SUFFIXES))  # type: ignore[arg-type]

    def _loader(self, name: str, filename: str) -> "ProjectLoader":
        return ProjectLoader(name, filename, self)


class ProjectLoader(SourceFileLoader):
    """Compiles what stands in the file now: bytecode caches miss edits within a second."""

    def __init__(self, name: str, filename: str, project: Project) -> None:
        super().__init__(name, filename)
        self._project = project

    def path_stats(self, path: str) -> Any:
        raise OSError(f"no bytecode for {path}")

    def get_data(self, path: str) -> bytes:
        return self._project.read(path)


def _module_name(path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts) if all(part.isidentifier() for part in parts) else "_".join(parts)


def _execute(name: str, filename: str, loader: ProjectLoader) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, filename, loader=loader)
    if spec is None:
        raise ImportError(f"cannot import {filename}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def describe(error: BaseException) -> str:
    """One line, `ValueError: …`."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a __str__ of the project
        text = "(its text cannot be made)"
    first = next(iter(text.strip().splitlines()), "")
    first = first.encode(errors="replace").decode()
    line = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def trace(error: BaseException, project: Project) -> str:
    """The frames of project files that led to ERROR, the innermost last, and the errors that caused it."""
    chain = list(_causes(error))
    parts = [_frames(link, project) for link in reversed(chain)]
    return "\n".join(part for part in parts if part)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen and len(seen) < MAX_FRAMES:
        seen.append(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(error: BaseException, project: Project) -> str:
    import traceback  # noqa: PLC0415 - 5 ms, and only errors need it

    frames = [
        (relative, frame)
        for frame in traceback.extract_tb(error.__traceback__)
        if (relative := project.relative(frame.filename))
    ]
    lines = [
        f"{path}:{frame.lineno} in {frame.name}\n    {(frame.line or '')[:MAX_LINE]}"
        for path, frame in frames
    ]
    if len(lines) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines[half:-half] = [f"… {len(lines) - MAX_FRAMES} frames more …"]
    return "\n".join([*lines, *_syntax_line(error, project), describe(error)])


def _syntax_line(error: BaseException, project: Project) -> list[str]:
    if isinstance(error, SyntaxError) and error.filename:
        return [f"{project.relative(error.filename) or error.filename}:{error.lineno}"]
    return []
