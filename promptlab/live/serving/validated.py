"""What is wrong in the files of a project, as `promptlab validate` says it."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends

from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.live.serving.depends import OpenedDep
from promptlab.live.serving.opened import Opened
from promptlab.live.serving.pipelines import AskedPipelines, loading_room
from promptlab.loader.files import ProjectFiles
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import InvalidPipeline
from promptlab.loader.project import SETTINGS, open_project
from promptlab.loader.prompt_index import files_below
from promptlab.loader.prompts import FOLDER
from promptlab.loader.rows.formats import SUFFIXES
from promptlab.loader.validating import Validated

DATA = "data"


@frozen
class AskedFiles:
    """The files of a project: its settings, pipelines, templates, and the data files in `data/`.

    `pipelines` None: the settings cannot be used, and `broken` says why.
    """

    pipelines: AskedPipelines | None
    broken: Validated | None = None

    def all(self) -> list[Validated]:
        """Check the settings, and every pipeline with all that it names, as the command does."""
        if self.pipelines is None:
            return [self.broken] if self.broken is not None else []
        with LoadingMemory() as memory:
            return [one.validated for one in self.pipelines.validation(memory).pipelines()]

    def one(self, path: str) -> Validated:
        """Check a file; raises NotFound where the project has none of this path."""
        if self.pipelines is None:
            if path == SETTINGS and self.broken is not None:
                return self.broken
        elif path in {*self.pipelines.project.pipelines(), *self._others()}:
            with LoadingMemory() as memory:
                return self.pipelines.validation(memory).known(path)
        raise NotFound(f"there is no file '{path[:100]}'", hint="`/api/problems` lists them")

    def _others(self) -> Iterator[str]:
        if self.pipelines is None:
            return
        files = ProjectFiles(self.pipelines.project.root)
        if files.exists(SETTINGS):
            yield SETTINGS
        yield from files_below(files, FOLDER.rstrip("/"))
        yield from files_below(files, DATA, tuple(SUFFIXES))


def get_files(opened: OpenedDep) -> Iterator[AskedFiles]:
    """Give the files as they are now; raises Busy where too many are being loaded."""
    with loading_room(opened):
        yield _asked(opened)


def _asked(opened: Opened) -> AskedFiles:
    try:
        project = open_project(root=opened.project.root)
    except InvalidPipeline as error:
        return AskedFiles(None, Validated(SETTINGS, "settings", error.problems))
    return AskedFiles(AskedPipelines(project, opened.pipelines, opened.remembered))


type FilesDep = Annotated[AskedFiles, Depends(get_files)]
