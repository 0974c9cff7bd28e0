"""A project as it was in a commit: its pipelines, loaded as they are now, each at most once."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from functools import cached_property

from promptlab.core.errors import PromptlabError
from promptlab.core.frozen import frozen, slotted
from promptlab.engine.targets import Targets
from promptlab.loader.changes import Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.git_tree import GitTree
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import InvalidPipeline, Problem, Problems
from promptlab.loader.project import Project, project_in


@frozen
class Broken:
    """A pipeline that could not be loaded from the commit, and why."""

    reason: str


@slotted(slots=False)
class BaseProject:
    """`head`: the project as it is; `model` and `changes`: what flags say of both sides.

    `opened`: what its pipelines reach their models by; whoever runs any closes them.
    """

    head: Project
    tree: GitTree
    model: str | None
    changes: Changes
    memory: LoadingMemory
    opened: list[Targets] = field(default_factory=list)
    _loaded: dict[str, LoadedPipeline | Broken] = field(default_factory=dict)

    @cached_property
    def paths(self) -> Sequence[str]:
        """The pipelines that there were."""
        return Project(self.head.root, ProjectFiles(self.tree), self.head.settings).pipelines()

    def has(self, path: str) -> bool:
        return self.tree.exists(path)

    def pipeline(self, path: str) -> LoadedPipeline | Broken:
        if path not in self._loaded:
            self._loaded[path] = self._load(path)
        return self._loaded[path]

    def gone(self, paths: Collection[str]) -> Iterator[LoadedPipeline]:
        """Give the pipelines that there were, at none of these paths, as far as they could be run."""
        found = (self.pipeline(path) for path in self.paths if path not in paths)
        return (one for one in found if isinstance(one, LoadedPipeline))

    @cached_property
    def _project(self) -> Project | Broken:
        try:
            return project_in(self.head, self.tree)
        except InvalidPipeline as error:
            return Broken(_first(error.problems))
        except PromptlabError as error:
            return Broken(error.message)

    def _load(self, path: str) -> LoadedPipeline | Broken:
        project, problems = self._project, Problems()
        if isinstance(project, Broken):
            return project
        try:
            targets = project.targets(self.model)
            self.opened.append(targets)
            found = check_pipeline(project.files, path, targets, problems, self.changes, self.memory)
        except PromptlabError as error:
            return Broken(error.message)
        return found if found is not None else Broken(_first(problems))


def _first(problems: Iterable[Problem]) -> str:
    errors = (problem for problem in problems if problem.severity == "error")
    return next((f"{one.file}: {one.message}" for one in errors), "it cannot be loaded")
