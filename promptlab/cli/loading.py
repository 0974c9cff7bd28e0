"""How commands that take several pipelines load them."""

from collections.abc import Sequence

from promptlab.core.errors import UsageError
from promptlab.engine.targets import Targets
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.loader.validating import Validation


def load_all(
    project: Project, references: Sequence[str], model: str | None, changes: Changes
) -> list[tuple[LoadedPipeline, Targets]]:
    """Load all pipelines before the first is run; raises InvalidPipeline with the problems of all."""
    problems = Problems()
    loaded = []
    with LoadingMemory() as memory:
        for path in dict.fromkeys(project.pipeline(reference) for reference in references):
            targets = project.targets(model)
            pipeline = check_pipeline(project.files, path, targets, problems, changes, memory)
            if pipeline is not None:
                loaded.append((pipeline, targets))
    problems.raise_errors()
    return loaded


def all_there(project: Project, memory: LoadingMemory) -> list[LoadedPipeline]:
    """Load all pipelines; those that others call and that cannot be run by themselves are left out."""
    checked, problems = list(Validation(project, memory).pipelines()), Problems()
    if not checked:
        hint = "write one, or begin with `promptlab init`"
        raise UsageError(f"there are no pipelines in {project.root / 'pipelines'}", hint=hint)
    for one in checked:
        problems.extend(one.problems)
    problems.raise_errors()
    return [one.loaded for one in checked if one.loaded is not None]


def named_or_all(project: Project, references: Sequence[str]) -> list[str]:
    """Give the paths of pipelines that are named, or of all that can be run."""
    if references:
        return list(dict.fromkeys(project.pipeline(reference) for reference in references))
    with LoadingMemory() as memory:
        return [loaded.path for loaded in all_there(project, memory)]
