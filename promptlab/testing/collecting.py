"""Pipelines as pytest sees them: a file, its cells, in these an item for each row; one for the gates."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

from promptlab.core.display import escaped
from promptlab.core.errors import NothingToRun, PromptlabError
from promptlab.library import InvalidPipeline, LoadedPipeline, RunArguments, load
from promptlab.loader.files import find_root
from promptlab.loader.pipeline_rows import UNFED
from promptlab.loader.problem_formats import first_as_text
from promptlab.loader.project import PIPELINES, SETTINGS, YAML
from promptlab.schemas.dataset import Row
from promptlab.testing import GateWarning
from promptlab.testing.sheets import Job, Outcome, Place
from promptlab.testing.telling import told_error

GATES = "gates"
IN_NODE_IDS = str.maketrans({"[": "%5B"})  # pytest would read parameters there


class Tests(Protocol):
    """What items ask of the session's plugin."""

    since: str | None

    def outcome(self, item: "PipelineItem") -> Outcome: ...


def is_pipeline(path: Path, *, is_named: bool) -> bool:
    """Say whether a file is collected: one that was named, or stands in the pipelines of its project."""
    if path.suffix not in YAML or path.name == SETTINGS:
        return False
    return is_named or path.parent == find_root(path) / PIPELINES


def node_name(text: str) -> str:
    """Give a row's id or a cell's name as a part of a node id."""
    return escaped(text).replace("::", "%3A%3A").translate(IN_NODE_IDS)


class PipelineFile(pytest.File):
    """A pipeline. Raises CollectError with its problems where it cannot be run."""

    tests: Tests

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, tests: Tests) -> Self:
        file = cls.from_parent(parent, path=path)
        file.tests = tests
        return file

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        loaded = self.loaded
        if loaded is None:
            return
        for cell in loaded.cells:
            yield CellRows.of(self, cell.name)
        if loaded.spec.gates:
            yield PipelineItem.of(self, self, GATES, None)

    @cached_property
    def loaded(self) -> LoadedPipeline | None:
        """The pipeline; None where it is only for others to call, as nothing gives its inputs values."""
        try:
            return load(str(self.path))
        except InvalidPipeline as error:
            if any(problem.code == UNFED for problem in error.problems) and not self._is_named:
                return None
            raise self.CollectError(first_as_text(error.problems)) from None
        except PromptlabError as error:
            raise self.CollectError(told_error(error)) from None

    @property
    def _is_named(self) -> bool:
        return self.session.isinitpath(self.path)

    @cached_property
    def rows(self) -> list[Row]:
        return list(self.loaded.rows()) if self.loaded is not None else []

    @cached_property
    def affected(self) -> frozenset[Place]:
        """Which rows in which cells a change touches; all where nobody asked since when."""
        loaded = self.loaded
        if loaded is None:
            return frozenset()
        try:
            return frozenset(_affected(self.path, loaded, self.rows, self.tests.since))
        except PromptlabError as error:
            raise self.CollectError(told_error(error)) from None

    @property
    def size(self) -> int:
        """How many rows in cells there are."""
        return len(self.rows) * len(self.loaded.cells if self.loaded is not None else ())

    def job(self, arguments: RunArguments, places: frozenset[Place] | None) -> Job:
        if self.loaded is None:
            raise AssertionError("a pipeline without items is not run")
        repeat = self.loaded.spec.repeat
        return Job(
            path=self.path,
            shown=self.loaded.path,
            repeats=repeat.count,
            needed=repeat.needed,
            arguments=arguments,
            places=places,
        )


class CellRows(pytest.Collector):
    """The rows of a pipeline in one cell of variants and matrix."""

    cell: str

    @classmethod
    def of(cls, file: PipelineFile, cell: str) -> Self:
        node = cls.from_parent(file, name=node_name(cell))
        node.cell = cell
        return node

    def collect(self) -> Iterator[pytest.Item]:
        file = self.parent
        if isinstance(file, PipelineFile):
            for row in file.rows:
                item = PipelineItem.of(self, file, node_name(row.id), (row.id, self.cell))
                item.extra_keyword_matches.update(row.tags)
                yield item


class PipelineItem(pytest.Item):
    """A row in a cell; with `place` None the gates. `times`: how often it was set up.

    What errored fails in `setup`, so that pytest calls it an error, and what failed in `runtest`.
    """

    file: PipelineFile
    place: Place | None
    times: int

    @classmethod
    def of(cls, parent: pytest.Collector, file: PipelineFile, name: str, place: Place | None) -> Self:
        item = cls.from_parent(parent, name=name)
        item.file, item.place, item.times = file, place, 0
        if file.loaded is not None:
            item.extra_keyword_matches.update(file.loaded.spec.tags)
        return item

    @property
    def is_affected(self) -> bool:
        return bool(self.file.affected) if self.place is None else self.place in self.file.affected

    def setup(self) -> None:
        self.times += 1
        self.outcome = self.file.tests.outcome(self)
        if self.outcome.status == "errored":
            pytest.fail(self.outcome.text, pytrace=False)
        if self.outcome.status == "skipped":
            raise pytest.skip.Exception(self.outcome.text, _use_item_location=True)

    def runtest(self) -> None:
        if self.outcome.status == "failed":
            pytest.fail(self.outcome.text, pytrace=False)
        for text in self.outcome.warnings:
            self.warn(GateWarning(text))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, GateWarning):  # warnings are errors
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, self.nodeid.partition("::")[2]


def _affected(path: Path, loaded: LoadedPipeline, rows: list[Row], since: str | None) -> Iterator[Place]:
    places = ((row.id, cell.name) for cell in loaded.cells for row in rows)
    if since is None:
        yield from places
        return
    from promptlab.live.running import RunRequest  # noqa: PLC0415 - few ask
    from promptlab.live.since import since as with_affected  # noqa: PLC0415 - likewise
    from promptlab.loader.changes import NO_CHANGES  # noqa: PLC0415 - likewise
    from promptlab.loader.project import open_project  # noqa: PLC0415 - likewise

    try:
        found = with_affected(open_project(path), [loaded], RunRequest(since=since), None, NO_CHANGES)
    except NothingToRun:
        return
    touched, repeats = found.affected[loaded.path], range(loaded.spec.repeat.count)
    yield from (place for place in places if any(touched.has(*place, repeat) for repeat in repeats))
