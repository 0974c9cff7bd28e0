"""`since` of what runs or plans: only what a git change touches."""

from collections.abc import Sequence
from dataclasses import replace

from promptlab.core.display import shown
from promptlab.core.errors import NothingToRun
from promptlab.live.running import RunRequest
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project


def since(
    project: Project,
    loaded: Sequence[LoadedPipeline],
    request: RunRequest,
    model: str | None,
    changes: Changes,
) -> RunRequest:
    """Give the request with the trials that are affected, where it says since when.

    Raises NothingToRun where there are none in any of the pipelines.
    """
    if request.since is None:
        return request
    from promptlab.live.affected.finding import Since, find_affected  # noqa: PLC0415 - rarely wanted

    found = find_affected(project, loaded, Since(ref=request.since, model=model, changes=changes))
    some = {one.path for one in found.affected.pipelines if one.affected}
    if not some:
        raise NothingToRun(f"no row is left to run: nothing of it changed since {shown(request.since)}")
    return replace(request, affected={path: found.trials[path] for path in some})


def is_wanted(pipeline: LoadedPipeline, request: RunRequest) -> bool:
    """Whether a pipeline has anything that the request wants."""
    return request.since is None or pipeline.path in request.affected
