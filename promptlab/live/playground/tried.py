"""An edited prompt that is tried on one row: loaded in place of its file, with what its step needs alone."""

from dataclasses import field
from typing import Any

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.cutting import up_to
from promptlab.engine.targets import Targets
from promptlab.loader.changes import Changes
from promptlab.loader.edited import Edited
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.loader.selection import Selection
from promptlab.schemas.log import PLAYGROUND

ONCE = ("repeat", "1")


@frozen(kw_only=True)
class Tried:
    """`template` is the text of the file `prompt`, front matter and all; `step`: its path, `parts.part`.

    `row`: by its index. `pipeline`: the path of its file, where `cell` is one of its cells.
    """

    pipeline: str
    cell: str
    step: str
    row: int
    prompt: str
    template: str = field(repr=False)

    @property
    def said(self) -> dict[str, JSON]:
        """The options of a run of it, by the names of their flags."""
        return {"variants": [self.cell], "note": f"playground: {self.step} on row {self.row}"}

    @property
    def made_with(self) -> dict[str, JSON]:
        """What tells its run from those of whole pipelines."""
        return {PLAYGROUND: {"step": self.step, "row": self.row, "prompt": self.prompt}}

    def over(self, project: Project) -> Project:
        """Give the project with the text in place of the file."""
        content = self.template.encode("utf-8", "surrogatepass")
        return replace(project, files=ProjectFiles(Edited(project.files.source, self.prompt, content)))

    def load(
        self,
        project: Project,
        targets: Targets,
        problems: Problems,
        *,
        is_judged: bool = True,
        memory: LoadingMemory | None = None,
    ) -> LoadedPipeline | None:
        """Load its cell with all rows; None where there are problems."""
        changes = Changes(sets=(ONCE,), variants=(self.cell,), is_judged=is_judged)
        return check_pipeline(project.files, self.pipeline, targets, problems, changes, memory)

    def alone(self, loaded: LoadedPipeline) -> LoadedPipeline:
        """Give what was loaded with the one row, and nothing behind the step."""
        (cell,) = loaded.cells
        cut: dict[str, Any] = {"cells": (up_to(cell, self.step.partition(".")[0]),)}
        if loaded.dataset is not None:
            cut |= {"selection": Selection(bytes(self.row) + b"\1", 1), "row_count": 1}
        return replace(loaded, **cut)
