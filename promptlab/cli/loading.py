"""How commands that take several pipelines load them."""

from collections.abc import Mapping, Sequence

from promptlab.core.errors import UsageError
from promptlab.engine.targets import Targets
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import PIPELINES, Project

type Loaded = tuple[LoadedPipeline, Targets]


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
    from promptlab.loader.validating import Validation  # noqa: PLC0415 - most commands are told which

    checked, problems = list(Validation(project, memory).pipelines()), Problems()
    if not checked:
        hint = "write one, or begin with `promptlab init`"
        raise UsageError(f"there are no pipelines in {project.root / PIPELINES}", hint=hint)
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


def load_whole(project: Project, model: str | None, changes: Changes) -> list[Loaded]:
    """Load all pipelines of a project, but for what others call or read; raises as `load_all`."""
    found: list[Loaded] = []
    broken: dict[str, Problems] = {}
    with LoadingMemory() as memory:
        for path in project.pipelines():
            targets, problems = project.targets(model), Problems()
            pipeline = check_pipeline(project.files, path, targets, problems, changes, memory)
            if pipeline is not None:
                found.append((pipeline, targets))
            else:
                broken[path] = problems
    _raise_but_for_parts(found, broken)
    if not found:
        hint = "write one, or begin with `promptlab init`"
        raise UsageError(f"there are no pipelines in {project.root / PIPELINES}", hint=hint)
    return found


def _raise_but_for_parts(found: Sequence[Loaded], broken: Mapping[str, Problems]) -> None:
    """Raise InvalidPipeline for what is broken, unless it is what other pipelines call or read."""
    if not broken:
        return
    from promptlab.loader.validating import OF_CALLER  # noqa: PLC0415 - most are in order

    read = {path for one, _ in found for path in one.files.files_read}
    called = {path for one, _ in found for path in one.called}
    problems = Problems()
    for path, own in broken.items():
        is_part = path in read and (path not in called or {one.code for one in own} <= OF_CALLER)
        if not is_part:
            problems.extend(own)
    problems.raise_errors()
