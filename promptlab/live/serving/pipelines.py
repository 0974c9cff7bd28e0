"""The pipelines that an address names, as they are on disk now; looking at them runs nothing of theirs."""

import asyncio
from collections.abc import Iterator, Sequence
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
from promptlab.loader.changes import Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, load_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import YAML, Project, open_project
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError
from promptlab.loader.validating import Checked, Validation
from promptlab.schemas.plan import PipelinePlan
from promptlab.services.run_log import RunLog


@frozen
class Looked:
    """A pipeline that was looked at; `name` is what it is asked for by."""

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

    def all(self) -> list[Looked]:
        """Check every pipeline."""
        names = self.project.names()
        with LoadingMemory() as memory:
            return [
                Looked(_name(names, checked.path), checked)
                for checked in Validation(self.project, memory).pipelines()
            ]

    def one(self, name: str) -> Looked:
        path, names = self._path(name), self.project.names()
        with LoadingMemory() as memory:
            return Looked(_name(names, path), Validation(self.project, memory).pipeline(path))

    def source(self, path: str) -> str | None:
        """Give the text of a file, secrets masked; None where it cannot be read."""
        try:
            text = ProjectFiles(self.project.root).read_text(path, Problems())
        except FileError:
            return None
        return None if text is None else SourceText(path, text).without_secrets()

    def plan(self, name: str, changes: Changes, request: RunRequest, *, log: RunLog) -> PipelinePlan:
        """Say what a run would do; raises InvalidPipeline, UsageError and NothingToRun where it would."""
        loaded = self._loaded(name, changes)
        return asyncio.run(plan_loaded(self.project, loaded, request, log=log))

    def render(self, name: str, changes: Changes, *, row: int | None, step: str | None) -> Rendered:
        """Give what would be sent for a row; raises InvalidPipeline, and UsageError where there is none."""
        loaded = self._loaded(name, changes)
        trial = trial_to_preview(loaded, row)
        return Rendered(loaded, trial, asyncio.run(preview(self.project, loaded, trial, only=step)))

    def _loaded(self, name: str, changes: Changes) -> LoadedPipeline:
        return load_pipeline(self.project.files, self._path(name), self.project.targets(), changes)

    def _path(self, name: str) -> str:
        return pipeline_path(self.project, name)


def pipeline_path(project: Project, name: str) -> str:
    """Give where a pipeline is; never taken from an address, only found in the folder of pipelines."""
    if "/" in name or PurePosixPath(name).suffix in YAML:
        raise NotFound(
            f"there is no pipeline '{name}'", hint="a name is wanted, as `/api/pipelines` lists them"
        )
    return project.pipeline(name)


def _name(names: dict[str, str], path: str) -> str:
    return names.get(path) or PurePosixPath(path).stem


def get_pipelines(opened: OpenedDep) -> Iterator[AskedPipelines]:
    """Give the pipelines as promptlab.yaml and `.env` are now; raises Busy where too many are asked for."""
    if not opened.loadings.acquire(blocking=False):
        raise Busy("as many pipelines are being loaded as may be at once", hint="ask again in a while")
    try:
        yield AskedPipelines(open_project(root=opened.project.root))
    finally:
        opened.loadings.release()


type PipelinesDep = Annotated[AskedPipelines, Depends(get_pipelines)]
