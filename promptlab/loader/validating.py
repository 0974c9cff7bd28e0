"""Checks files of a project, each as what it is: a pipeline, settings, or something that pipelines name."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import BinaryIO

from promptlab.core.display import shown
from promptlab.core.errors import PromptlabError, UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.words import plural
from promptlab.loader.alone import check_data, check_template
from promptlab.loader.baseline import FOLDER as BASELINES
from promptlab.loader.baseline import read_baseline_file
from promptlab.loader.compiling import NO_MODEL
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.pipeline_rows import UNFED
from promptlab.loader.problems import Problems
from promptlab.loader.project import SETTINGS, YAML, Project
from promptlab.loader.prompts import SUFFIXES as TEMPLATES
from promptlab.loader.rows.formats import SUFFIXES as DATA
from promptlab.loader.scope import NO_COLUMN
from promptlab.loader.sources import FileError, Source

OF_CALLER = frozenset({UNFED, NO_MODEL, NO_COLUMN})  # problems that whoever calls a pipeline mends
STEPS = re.compile(rb"^steps\s*:", re.MULTILINE)


@frozen
class Validated:
    """A file that was checked; `about` says in a few words what it is."""

    file: str
    about: str
    problems: Problems


@frozen(kw_only=True)
class PipelineFacts:
    """What a pipeline that loads is; `rows`: those that are run; `size`: both in words."""

    name: str
    description: str | None
    tags: tuple[str, ...]
    cells: tuple[str, ...]
    rows: int
    size: str


@frozen(kw_only=True)
class Checked:
    """A pipeline that was checked, the files that it names, and the pipelines that give it its inputs.

    `facts` None: it has problems that it cannot be run with. `loaded`: the pipeline itself, unless this was
    known from before.
    """

    path: str
    problems: Problems
    names: frozenset[str]
    facts: PipelineFacts | None
    loaded: LoadedPipeline | None = None
    callers: tuple[str, ...] = ()

    @property
    def validated(self) -> Validated:
        called = f"called by {', '.join(self.callers)}" if self.callers else "pipeline"
        return Validated(self.path, called if self.facts is None else self.facts.size, self.problems)


type Check = Callable[[Project, str, LoadingMemory], Checked]


@frozen(slots=False)
class Validation:
    """Checks files of one project; each pipeline is checked once, by `check`, None: as it is now."""

    project: Project
    memory: LoadingMemory
    check: Check | None = None
    _checked: dict[str, Checked] = field(default_factory=dict)

    def all_pipelines(self) -> Iterator[Validated]:
        """Check every pipeline; raises UsageError where there is none."""
        if not self._pipelines:
            hint = "write one, or begin with `promptlab init`"
            raise UsageError(f"there are no pipelines in {self.project.root / 'pipelines'}", hint=hint)
        for checked in self.pipelines():
            yield checked.validated

    def pipelines(self) -> Iterator[Checked]:
        """Give every pipeline with what is wrong with it."""
        for checked in self._pipelines:
            yield self._with_callers(checked)

    def pipeline(self, path: str) -> Checked:
        """Check the pipeline at a path below the root."""
        return self._with_callers(self._pipeline(path))

    def template(self, path: str, users: Sequence[str]) -> Problems:
        """Say what is wrong in a template, as these pipelines say that use it; by itself where none does."""
        if not users:
            return self._alone(path).problems
        problems, wanted = Problems(), PurePosixPath(path)
        for user in users:
            found = self.pipeline(user).problems
            problems.extend(problem for problem in found if PurePosixPath(problem.file) == wanted)
        return problems

    def file(self, typed: str) -> Validated:
        """Check a file as it is named on the command line."""
        problems = Problems()
        try:
            path = self.project.files.resolve(self.project.relative(typed))
        except PromptlabError as error:
            problems.add(typed, None, error.message, code=getattr(error, "code", "file"), hint=error.hint)
            return Validated(typed, "file", problems)
        return self.known(path)

    def known(self, path: str) -> Validated:
        """Check a file that is there, by its path below the root."""
        if path == SETTINGS:
            return Validated(path, "settings", Problems())
        if path.startswith(f"{BASELINES}/") and path.endswith(".json"):
            problems = Problems()
            read_baseline_file(self.project.files, path, problems)
            return Validated(path, "baseline", problems)
        if self._is_surely_pipeline(path):
            return self.pipeline(path).validated
        users = [checked for checked in self._everything if path in checked.names]
        return _by_users(path, users) if users else self._alone(path)

    def _is_surely_pipeline(self, path: str) -> bool:
        """No data file and no schema has steps; knowing it spares checking all pipelines for who uses it."""
        if not path.endswith(YAML):
            return False
        try:
            return STEPS.search(self.project.files.read(path).content or b"") is not None
        except FileError:
            return False

    def _alone(self, path: str) -> Validated:
        suffix, problems = PurePosixPath(path).suffix.lower(), Problems()
        if suffix in YAML:
            return self._pipeline(path).validated
        if suffix in TEMPLATES:
            check_template(self.project.files, path, problems, self.memory)
            return Validated(path, "template", problems)
        if suffix in DATA:
            rows = check_data(self.project.files, path, problems)
            return Validated(path, plural(rows, "row"), problems)
        hint = "name a pipeline, a template (.j2 .md .txt), a data file or promptlab.yaml"
        problems.add(path, None, f"no pipeline uses {shown(path)}, and it is none", code="kind", hint=hint)
        return Validated(path, "file", problems)

    @cached_property
    def _pipelines(self) -> list[Checked]:
        """All pipelines; a file that another one names as data or schema is none."""
        named = {name for checked in self._everything for name in checked.names}
        return [
            checked
            for checked in self._everything
            if checked.path not in named or self._is_surely_pipeline(checked.path)
        ]

    def _with_callers(self, checked: Checked) -> Checked:
        """Excuse a pipeline that others call of what it lacks by itself: values for its inputs, a model.

        So of the columns that its checks name: they are looked for in the rows of those that call it.
        """
        rest = [problem for problem in checked.problems if problem.code not in OF_CALLER]
        if len(rest) == len(checked.problems):
            return checked
        callers = [other.path for other in self._everything if checked.path in other.names]
        if not callers:
            return checked
        problems = Problems()
        problems.extend(rest)
        return replace(checked, problems=problems, callers=tuple(callers))

    @cached_property
    def _everything(self) -> list[Checked]:
        return [self._pipeline(path) for path in self.project.pipelines()]

    def _pipeline(self, path: str) -> Checked:
        if path not in self._checked:
            check = self.check or check_now
            self._checked[path] = check(self.project, path, self.memory)
        return self._checked[path]


def check_now(project: Project, path: str, memory: LoadingMemory, *, source: Source | None = None) -> Checked:
    """Check a pipeline as it is now; `source`: what its files are read by, if not as usual."""
    asked, problems = _Asked(source or project.files.source), Problems()
    loaded = None
    try:
        loaded = check_pipeline(ProjectFiles(asked), path, project.targets(), problems, memory=memory)
    except FileError as error:
        problems.add(path, None, error.message, code=error.code, hint=error.hint)
    facts = None if loaded is None else _facts(loaded)
    names = frozenset(asked.names - {path})
    return Checked(path=path, problems=problems, names=names, facts=facts, loaded=loaded)


def _facts(loaded: LoadedPipeline) -> PipelineFacts:
    spec = loaded.spec
    return PipelineFacts(
        name=loaded.name,
        description=spec.description,
        tags=tuple(spec.tags),
        cells=tuple(cell.name for cell in loaded.cells),
        rows=loaded.row_count,
        size=_size(loaded),
    )


def _by_users(path: str, users: Sequence[Checked]) -> Validated:
    problems = Problems()
    for user in users:
        problems.extend(user.problems)
    return Validated(path, f"used by {', '.join(user.path for user in users)}", problems)


def _size(loaded: LoadedPipeline) -> str:
    cells = f" × {plural(len(loaded.cells), 'cell')}" if len(loaded.cells) > 1 else ""
    read = plural(loaded.scan.rows if loaded.scan is not None else loaded.row_count, "row")
    rows = read if loaded.selection is None else f"{loaded.row_count:,} of {read}"
    return f"{rows}{cells}"


@slotted
class _Asked:
    """A source that notes which of its files were asked for."""

    source: Source
    names: set[str] = field(default_factory=set)

    def locate(self, path: str) -> str:
        found = self.source.locate(path)
        self.names.add(found)
        return found

    def open(self, path: str) -> BinaryIO:
        return self.source.open(path)

    def size(self, path: str) -> int:
        return self.source.size(path)

    def exists(self, path: str) -> bool:
        return self.source.exists(path)

    def list(self, folder: str) -> list[str]:
        return self.source.list(folder)
