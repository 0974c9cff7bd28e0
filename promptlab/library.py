"""promptlab from Python: load, validate and run pipelines.

>>> from promptlab import run
>>> report = run("pipelines/support_triage.yaml", limit=5)  # doctest: +SKIP
>>> report.summary.metrics["pass_rate"]  # doctest: +SKIP
0.8
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from promptlab.core.arguments import refuse_unknown, refuse_wrong
from promptlab.core.errors import PromptlabError, UsageError
from promptlab.core.json import JSON, as_text, compact
from promptlab.engine.targets import Targets
from promptlab.live.project_log import open_log
from promptlab.live.reporting import stored_summary
from promptlab.live.resuming import How, claimed, prepared
from promptlab.live.running import RunRequest, run_loaded
from promptlab.live.since import since as with_affected
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, check_pipeline, load_pipeline
from promptlab.loader.problems import InvalidPipeline, Problem, Problems
from promptlab.loader.project import Project, open_project
from promptlab.schemas.events import Event
from promptlab.schemas.report import RunReport, RunSummary
from promptlab.schemas.run import TrialResult
from promptlab.services.trials import TrialService

__all__ = [
    "InvalidPipeline",
    "LoadedPipeline",
    "Problem",
    "PromptlabError",
    "RunReport",
    "RunSummary",
    "TrialResult",
    "load",
    "resume",
    "resume_async",
    "run",
    "run_async",
    "validate",
]


_SAID_ALIKE = (
    "where",
    "repeat",
    "limit",
    "failed",
    "since",
    "max_concurrency",
    "max_cost",
    "fresh",
    "mode",
    "on_unknown",
    "fail_fast",
    "note",
)
_UNSAID: tuple[object, ...] = (None, False, [], ())


class PipelineChanges(TypedDict, total=False):
    """What of a pipeline is not as its file says.

    `project` is the root; `set` sets keys by dotted path; `inputs` is one row instead of the dataset;
    `where` an expression that rows must fulfil besides the dataset's own.
    """

    project: str | Path | None
    model: str | None
    set: Mapping[str, JSON]
    inputs: Mapping[str, JSON]
    variants: Sequence[str]
    repeat: int | None
    where: str | None


class RunArguments(PipelineChanges, total=False):
    """How a pipeline is run; as the flags of `promptlab run`.

    `max_cost` in USD; `since`: a git commit; `trials`: the only ones that are wanted, each by its row's id,
    its cell and its repeat. `mode`: `replay` uses recordings alone and calls nothing, `record` writes them.
    """

    limit: int | None
    tags: Sequence[str]
    failed: str | None
    since: str | None
    trials: Collection[tuple[str, str, int]] | None
    max_concurrency: int | None
    max_cost: float | None
    fresh: bool
    mode: Literal["live", "record", "replay"]
    on_unknown: Literal["retry", "fail"]
    python_allowed: bool
    fail_fast: bool
    note: str | None
    on_event: Callable[[Event], None]


def load(pipeline: str | Path, **changes: Unpack[PipelineChanges]) -> LoadedPipeline:
    """Load a pipeline by its path or name. Raises InvalidPipeline with all its problems."""
    refuse_unknown(changes, PipelineChanges)
    refuse_wrong(changes)
    return _load(pipeline, changes)[1]


def validate(pipeline: str | Path, *, project: str | Path | None = None) -> list[Problem]:
    """Give all problems of a pipeline; nothing is called, no project code runs."""
    opened, path = _opened(pipeline, project)
    problems = Problems()
    check_pipeline(opened.files, path, opened.targets(), problems)
    return list(problems)


def run(pipeline: str | Path, **arguments: Unpack[RunArguments]) -> RunReport:
    """Run a pipeline to its end. That trials failed is in the report, not an error.

    Raises InvalidPipeline, UsageError, NothingToRun and StorageError. In a program that has an event loop,
    await `run_async`.
    """
    _require_no_loop("run_async")
    return asyncio.run(run_async(pipeline, **arguments))


async def run_async(pipeline: str | Path, **arguments: Unpack[RunArguments]) -> RunReport:
    """Run a pipeline, as `run` does. Cancelling it ends the run; calls in flight are of unknown outcome."""
    refuse_unknown(arguments, RunArguments)
    refuse_wrong(arguments)
    project, loaded, targets = await asyncio.to_thread(_load, pipeline, arguments)
    request = await asyncio.to_thread(_request, project, loaded, arguments)
    on_event = arguments.get("on_event")
    with open_log(project) as log:
        summary = await run_loaded(
            project,
            loaded,
            targets,
            request,
            log=log,
            listeners=(on_event,) if on_event is not None else (),
        )
    return RunReport(summary, lambda: _trials(project, summary.run_id))


class ResumeArguments(TypedDict, total=False):
    """How a run is resumed; as the flags of `promptlab resume`. `max_cost` in USD, of the whole run."""

    project: str | Path | None
    on_unknown: Literal["retry", "fail"]
    max_cost: float | None
    max_concurrency: int | None
    python_allowed: bool
    fail_fast: bool
    on_event: Callable[[Event], None]


def resume(run: str, **arguments: Unpack[ResumeArguments]) -> RunReport:
    """Finish a run that an id, a unique start of one, or `last` names; give a complete one as it is.

    Raises UsageError where it is still running or its files have changed, and StorageError. In a program
    that has an event loop, await `resume_async`.
    """
    _require_no_loop("resume_async")
    return asyncio.run(resume_async(run, **arguments))


async def resume_async(run: str, **arguments: Unpack[ResumeArguments]) -> RunReport:
    """Finish a run, as `resume` does. Cancelling it interrupts the run again."""
    refuse_unknown(arguments, ResumeArguments)
    refuse_wrong(arguments)
    project = open_project(root=arguments.get("project"))
    on_event = arguments.get("on_event")
    with open_log(project, create=False) as log, claimed(log, run) as claim:
        if claim.is_complete:
            summary = stored_summary(log, claim.run)
        else:
            found = await asyncio.to_thread(prepared, project, log, claim, _how(arguments))
            summary = await run_loaded(
                found.project,
                found.loaded,
                found.targets,
                found.request,
                log=log,
                listeners=(on_event,) if on_event is not None else (),
            )
    return RunReport(summary, lambda: _trials(project, summary.run_id))


def _how(arguments: ResumeArguments) -> How:
    return How(
        on_unknown=arguments.get("on_unknown"),
        max_cost=arguments.get("max_cost"),
        max_concurrency=arguments.get("max_concurrency"),
        python_allowed=arguments.get("python_allowed", True),
        fail_fast=arguments.get("fail_fast", False),
    )


def _require_no_loop(instead: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError("there is an event loop already", hint=f"await {instead} instead")


def _load(pipeline: str | Path, changes: PipelineChanges) -> tuple[Project, LoadedPipeline, Targets]:
    project, path = _opened(pipeline, changes.get("project"))
    targets = project.targets(changes.get("model"))
    return project, load_pipeline(project.files, path, targets, _changes(changes)), targets


def _opened(pipeline: str | Path, root: str | Path | None) -> tuple[Project, str]:
    start = Path(pipeline)
    project = open_project(start if start.exists() else None, root=root)
    return project, project.pipeline(str(pipeline))


def _changes(changes: PipelineChanges) -> Changes:
    inputs = changes.get("inputs")
    return Changes(
        sets=tuple((path, compact(value)) for path, value in changes.get("set", {}).items()),
        variants=tuple(changes.get("variants", ())),
        repeat=changes.get("repeat"),
        inputs=None if inputs is None else {name: as_text(value) for name, value in inputs.items()},
        where=changes.get("where"),
    )


def _request(project: Project, loaded: LoadedPipeline, arguments: RunArguments) -> RunRequest:
    trials = arguments.get("trials")
    request = RunRequest(
        trials=None if trials is None else frozenset(trials),
        limit=arguments.get("limit"),
        tags=tuple(arguments.get("tags", ())),
        failed=arguments.get("failed"),
        since=arguments.get("since"),
        max_concurrency=arguments.get("max_concurrency"),
        max_cost=arguments.get("max_cost"),
        fresh=arguments.get("fresh", False),
        mode=arguments.get("mode", "live"),
        on_unknown=arguments.get("on_unknown", "retry"),
        python_allowed=arguments.get("python_allowed", True),
        fail_fast=arguments.get("fail_fast", False),
        note=arguments.get("note"),
        said=_said(arguments),
    )
    return with_affected(project, [loaded], request, arguments.get("model"), _changes(arguments))


def _said(arguments: RunArguments) -> dict[str, JSON]:
    """Give what was asked for as the command line would have said it; for the log, and a resume."""
    changes = _changes(arguments)
    inputs = None if changes.inputs is None else [[*pair] for pair in changes.inputs.items()]
    said: dict[str, Any] = {
        "model": arguments.get("model"),
        "sets": [[*pair] for pair in changes.sets],
        "inputs": inputs,
        "variants": [*changes.variants],
        "tags": [*arguments.get("tags", ())],
        "no_python": not arguments.get("python_allowed", True),
    }
    said |= {name: arguments.get(name) for name in _SAID_ALIKE}
    return {name: value for name, value in said.items() if value not in _UNSAID}


def _trials(project: Project, run_id: str) -> Iterator[TrialResult]:
    with open_log(project, create=False) as log, log.reading() as session:
        yield from TrialService(session).of_run(run_id)
