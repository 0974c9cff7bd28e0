"""Which checks are not the same at two sides, by the sources that each keeps."""

from collections.abc import Iterator, Mapping

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.ruling import free_name
from promptlab.loader.cells import cell_sources
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.overlay import merged
from promptlab.loader.problems import Problems
from promptlab.loader.sources import Memory
from promptlab.schemas.compared import CheckChange, CheckChangeKind

type Change = tuple[str, CheckChangeKind, str | None]  # which check, how, and a file that it names
type Checks = Mapping[str, JSON]  # by `step/name`, the name alone for the pipeline's own


@frozen
class CheckSources:
    """Files as they were at a side, by path; the pipeline's among them, and what flags laid over it."""

    files: Mapping[str, bytes]
    path: str
    changes: Changes = NO_CHANGES

    def document(self) -> Document | None:
        return self.document_of(self.path)

    def document_of(self, path: str) -> Document | None:
        problems = Problems()
        text = ProjectFiles(Memory(self.files)).read_text(path, problems) if path in self.files else None
        return None if text is None else parse_yaml(path, text, problems)

    def by_cell(self) -> Mapping[str, Checks]:
        """Give the checks of each cell as they are written; nothing where the pipeline cannot be read."""
        document = self.document()
        if document is None:
            return {}
        called = dict(self._called())
        sets = tuple(self.changes.documents(document, Problems()))
        return {
            source.name: {**called, **_checks(merged(document, (*source.overrides, *sets), Problems()).value)}
            for source in cell_sources(document, Problems())
        }

    def _called(self) -> Iterator[tuple[str, JSON]]:
        """Give the checks of the pipelines that steps call."""
        for path in sorted(self.files):
            if path != self.path and path.endswith((".yaml", ".yml")):
                document = self.document_of(path)
                value = document.value if document is not None else None
                yield from ((f"{path}: {name}", check) for name, check in _checks(value).items())


def changed_checks(a: CheckSources, b: CheckSources, pairs: Mapping[str, str]) -> tuple[CheckChange, ...]:
    """Say how the checks of B differ from those of A; `pairs`: the cell of A by that of B."""
    before, now = a.by_cell(), b.by_cell()
    files = {path for path in a.files.keys() | b.files.keys() if a.files.get(path) != b.files.get(path)}
    found: dict[Change, list[str]] = {}
    for cell, there in pairs.items():
        if cell in now and there in before:
            for change in _changes(before[there], now[cell], files):
                found.setdefault(change, []).append(cell)
    return tuple(
        CheckChange(check, change, tuple(cells), file) for (check, change, file), cells in found.items()
    )


def _changes(before: Checks, now: Checks, files: set[str]) -> Iterator[Change]:
    for name in [*now, *(name for name in before if name not in now)]:
        if name not in before:
            yield name, "new", None
        elif name not in now:
            yield name, "gone", None
        elif before[name] != now[name]:
            yield name, "changed", None
        else:
            named = (text.partition(":")[0] for text in _texts(now[name]))
            file = next((text for text in named if text in files), None)
            if file is not None:
                yield name, "changed", file


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _checks(value: JSON, within: str = "") -> dict[str, JSON]:
    """Give the checks below a pipeline or a step by their names."""
    if not isinstance(value, dict):
        return {}
    found = _named(value.get("checks"), within)
    if not within and isinstance(value.get("judge"), str):
        found["judge"] = value["judge"]
    steps = value.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            found |= _checks(step, f"{within}{'.' if within else ''}{step.get('id', '')}")
    return found


def _named(checks: JSON, within: str) -> dict[str, JSON]:
    taken: set[str] = set()
    found: dict[str, JSON] = {}
    for check in checks if isinstance(checks, list) else ():
        own = check.get("name") if isinstance(check, dict) else None
        name = str(own) if own is not None else free_name(_type(check), taken)
        found[f"{within}/{name}" if within else name] = check
    return found


def _type(check: JSON) -> str:
    if isinstance(check, dict):
        return str(check.get("type") or next(iter(check), ""))
    return str(check)
