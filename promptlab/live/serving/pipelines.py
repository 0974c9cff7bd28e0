"""The pipelines that an address names, as they are on disk now; looking at them runs nothing of theirs."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import Depends

from promptlab.core.errors import Busy, NotFound
from promptlab.core.frozen import frozen
from promptlab.engine.plan import Trial
from promptlab.live.planning.making import plan_loaded
from promptlab.live.preview import StepPreview, preview, trial_to_preview
from promptlab.live.running import RunRequest
from promptlab.live.serving.depends import OpenedDep
from promptlab.live.serving.opened import Opened
from promptlab.live.serving.remembered import Remembered
from promptlab.live.since import since
from promptlab.loader.changes import Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.known_pipelines import KnownPipelines
from promptlab.loader.loading import LoadedPipeline, load_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import YAML, Project, name_in, open_project
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError
from promptlab.loader.validating import Checked, Validation, check_now
from promptlab.schemas.plan import PipelinePlan
from promptlab.services.run_log import RunLog


@frozen
class Looked:
    """A pipeline that was looked at; `name` is what it is asked for by.

    In a list, `checked.loaded` may be None although it loads: `checked.facts` say what it is.
    """

    name: str
    checked: Checked


@frozen
class Rendered:
    """What the steps of a trial would send."""

    loaded: LoadedPipeline
    trial: Trial
    steps: Sequence[StepPreview]


@frozen
class AskedPipelines:
    """Looks at pipelines of a project. Raises NotFound for a name that none has."""

    project: Project
    known: KnownPipelines
    remembered: Remembered

    def all(self) -> list[Looked]:
        """Check every pipeline; what was known and has not changed is not loaded again."""
        names = self.names()
        with LoadingMemory() as memory:
            return [Looked(_name(names, one.path), one) for one in self.validation(memory).pipelines()]

    def one(self, name: str) -> Looked:
        """Check one pipeline, and load it."""
        path, looking = self.path(name), self.known.looking(self.project)

        def check(project: Project, asked: str, memory: LoadingMemory) -> Checked:
            return (check_now if asked == path else looking.check)(project, asked, memory)

        with LoadingMemory() as memory:
            checked = Validation(self.project, memory, check).pipeline(path)
        return Looked(_name(self.names(), path), checked)

    def validation(self, memory: LoadingMemory) -> Validation:
        """Give what checks files of the project; pipelines that are known need not be loaded for it."""
        return Validation(self.project, memory, self.known.looking(self.project).check)

    def names(self) -> dict[str, str]:
        """Give the names that pipelines give themselves, by path."""
        files = ProjectFiles(self.project.root)
        names = {path: self._own_name(files, path) for path in self.project.pipelines()}
        return {path: name for path, name in names.items() if name is not None}

    def _own_name(self, files: ProjectFiles, path: str) -> str | None:
        try:
            digest = files.read(path).sha256
        except FileError:
            return None
        return self.remembered.find("name", digest, lambda: name_in(files, path))

    def source(self, path: str) -> str | None:
        """Give the text of a file, secrets masked; None where it cannot be read."""
        try:
            text = ProjectFiles(self.project.root).read_text(path, Problems())
        except FileError:
            return None
        return None if text is None else SourceText(path, text).without_secrets()

    def plan(
        self, name: str, changes: Changes, request: RunRequest, *, log: RunLog, model: str | None = None
    ) -> PipelinePlan:
        """Say what a run would do; raises InvalidPipeline, UsageError and NothingToRun where it would."""
        loaded = self._loaded(name, changes, model)
        wanted = since(self.project, [loaded], request, model, changes)
        return asyncio.run(plan_loaded(self.project, loaded, wanted, log=log))

    def render(self, name: str, changes: Changes, *, row: int | None, step: str | None) -> Rendered:
        """Give what would be sent for a row; raises InvalidPipeline, and UsageError where there is none."""
        loaded = self._loaded(name, changes)
        trial = trial_to_preview(loaded, row)
        return Rendered(loaded, trial, asyncio.run(preview(self.project, loaded, trial, only=step)))

    def _loaded(self, name: str, changes: Changes, model: str | None = None) -> LoadedPipeline:
        return load_pipeline(self.project.files, self.path(name), self.project.targets(model), changes)

    def path(self, name: str) -> str:
        """Give where a pipeline is; raises NotFound."""
        return pipeline_path(self.project, name, names=self.names)


def pipeline_path(
    project: Project, name: str, *, names: Callable[[], Mapping[str, str]] | None = None
) -> str:
    """Give where a pipeline is; never taken from an address, only found in the folder of pipelines."""
    if "/" in name or PurePosixPath(name).suffix in YAML:
        raise NotFound(
            f"there is no pipeline '{name}'", hint="a name is wanted, as `/api/pipelines` lists them"
        )
    return project.pipeline(name, names=names)


def _name(names: dict[str, str], path: str) -> str:
    return names.get(path) or PurePosixPath(path).stem


@contextmanager
def loading_room(opened: Opened) -> Iterator[None]:
    """Hold room for a request that loads pipelines; raises Busy where there is none."""
    if not opened.loadings.acquire(blocking=False):
        raise Busy("as many pipelines are being loaded as may be at once", hint="ask again in a while")
    try:
        yield
    finally:
        opened.loadings.release()


def get_pipelines(opened: OpenedDep) -> Iterator[AskedPipelines]:
    """Give the pipelines as promptlab.yaml and `.env` are now; raises Busy where too many are asked for."""
    with loading_room(opened):
        project = open_project(root=opened.project.root)
        yield AskedPipelines(project, opened.pipelines, opened.remembered)


type PipelinesDep = Annotated[AskedPipelines, Depends(get_pipelines)]
