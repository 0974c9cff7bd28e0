"""How commands that take several pipelines load them."""

from collections.abc import Sequence

from promptlab.engine.targets import Targets
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project


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
