"""Which files of the project a Python file imports, found with `ast`, through all of them."""

import ast
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

type Read = Callable[[str], bytes]  # path below the root → its bytes; OSError where there is no such file

BY_NAME = ("import_module", "__import__")
MAX_SOURCE = 256 * 1024  # parsing takes up to 900 bytes of memory for each of source


def parse_source(source: bytes) -> ast.Module:
    """Return the syntax tree of SOURCE.

    Raises SyntaxError, for whatever keeps Python from reading it, always with a line.
    """
    if len(source) > MAX_SOURCE:
        raise _syntax_error(f"the file is larger than {MAX_SOURCE // 1024} KiB")
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise _syntax_error(str(error) or "too deeply nested") from error


def _syntax_error(message: str) -> SyntaxError:
    return SyntaxError(message, (None, 1, 1, None))


def files_imported(path: str, tree: ast.Module, read: Read) -> dict[str, bytes]:
    """Return the project files that the file at PATH imports, directly or not, without itself.

    Imports are resolved as a worker's child does: the root first, then the folder of PATH. What is imported
    by a computed name is not found. Raises SyntaxError, its `filename` set, for a file that cannot be parsed.
    """
    search = _Search(read, bases=tuple(dict.fromkeys(("", _folder(path)))))
    search.follow(path, tree)
    search.found.pop(path, None)
    return search.found


class _Search:
    def __init__(self, read: Read, bases: tuple[str, ...]) -> None:
        self._read = read
        self._bases = bases
        self._missing: set[str] = set()
        self.found: dict[str, bytes] = {}

    def follow(self, path: str, tree: ast.Module) -> None:
        waiting = [(path, tree)]
        while waiting:
            path, tree = waiting.pop()
            for found in self._imports(path, tree):
                if found not in self.found:
                    self.found[found] = self._read(found)
                    waiting.append((found, _parse_named(found, self.found[found])))

    def _imports(self, path: str, tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._absolute(alias.name.split("."))
            elif isinstance(node, ast.ImportFrom):
                yield from self._from(path, node)
            elif isinstance(node, ast.Call) and (name := _name_called_for(node)) is not None:
                yield from self._dotted(path, name)

    def _from(self, path: str, node: ast.ImportFrom) -> Iterator[str]:
        parts = node.module.split(".") if node.module else []
        for alias in node.names:
            yield from self._named(path, node.level, parts if alias.name == "*" else [*parts, alias.name])

    def _dotted(self, path: str, name: str) -> Iterator[str]:
        names = name.lstrip(".")
        parts = names.split(".")
        if all(map(str.isidentifier, parts)):
            yield from self._named(path, len(name) - len(names), parts)

    def _named(self, path: str, level: int, names: list[str]) -> Iterator[str]:
        if not level:
            yield from self._absolute(names)
        elif (base := _ancestor(path, level)) is not None:
            yield from self._modules(base, names)

    def _absolute(self, names: list[str]) -> Iterator[str]:
        if names[0] in sys.stdlib_module_names:
            return
        for base in self._bases:
            modules = list(self._modules(base, names))
            yield from modules
            if modules:
                return

    def _modules(self, base: str, names: list[str]) -> Iterator[str]:
        """Every file that runs when NAMES is imported from the folder BASE."""
        if base and self._is_file(f"{base}/__init__.py"):
            yield f"{base}/__init__.py"
        for count in range(1, len(names) + 1):
            stem = "/".join([*([base] if base else []), *names[:count]])
            yield from filter(self._is_file, (f"{stem}/__init__.py", f"{stem}.py"))

    def _is_file(self, path: str) -> bool:
        if path in self.found:
            return True
        if path in self._missing:
            return False
        try:
            self._read(path)
        except OSError:
            self._missing.add(path)
            return False
        return True


def _name_called_for(call: ast.Call) -> str | None:
    """Give the name that a call of `import_module` or `__import__` imports, if it is written there."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called not in BY_NAME:
        return None
    given = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "name")]
    return next(
        (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)), None
    )


def _parse_named(path: str, source: bytes) -> ast.Module:
    try:
        return parse_source(source)
    except SyntaxError as error:
        error.filename = path
        raise


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _ancestor(path: str, level: int) -> str | None:
    """The folder that LEVEL dots mean in the file at PATH; None outside any package."""
    parents = [str(parent) for parent in PurePosixPath(path).parents][:-1]
    return parents[level - 1] if level <= len(parents) else None
