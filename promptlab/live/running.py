"""Runs a loaded pipeline: which trials, within which limits, and what the log is told of it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice
from typing import Literal

from promptlab.analysis.measures import MEASURES, measures_of
from promptlab.core.errors import NothingToRun, UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, plain
from promptlab.engine.assembly import RunOptions
from promptlab.engine.handlers.budget import Purse
from promptlab.engine.plan import Plan
from promptlab.engine.targets import Targets
from promptlab.engine.worker import Printed, print_to_stderr
from promptlab.live.bases import bases_of
from promptlab.live.circumstances import TrialName, circumstances
from promptlab.live.counts import RunCounts
from promptlab.live.held import NOTHING_HELD, Held
from promptlab.live.kept import TakenOver
from promptlab.live.leave import require_leave
from promptlab.live.session import Session
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.files import FileSnapshot
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings
from promptlab.schemas.affected import AffectedTrials
from promptlab.schemas.dataset import Row
from promptlab.schemas.events import Emit
from promptlab.schemas.log import FileKind, RunStart, SourceFile
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialKey
from promptlab.services.git import GitState, git_state
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService

OF_FLAG = "--max-cost"
OF_SETTINGS = "limits.cost_usd of promptlab.yaml"


type Mode = Literal["live", "record", "replay"]


@frozen(kw_only=True)
class RunRequest:
    """How to run. `failed`: a run whose failed and errored trials alone are wanted; `said`: for the log.

    `since`: a commit since which trials must have changed; `affected`: those that did, by a pipeline's path.
    `spent`: what of `max_cost` is gone already, in the pipelines that the same command ran before;
    `session_spent`: the same of the ceiling of promptlab.yaml, where it is one for many runs. `trials`: the
    only ones that are wanted. `taken_over`: the run that goes on, where it is none that begins.
    """

    limit: int | None = None
    tags: tuple[str, ...] = ()
    failed: str | None = None
    since: str | None = None
    affected: Mapping[str, AffectedTrials] = field(default_factory=dict)
    max_concurrency: int | None = None
    max_cost: float | None = None
    spent: float = 0.0
    session_spent: float = 0.0
    trials: frozenset[TrialName] | None = None
    fresh: bool = False
    mode: Mode = "live"
    on_unknown: Literal["retry", "fail"] = "retry"
    python_allowed: bool = True
    fail_fast: bool = False
    streams: bool = False
    note: str | None = None
    said: Mapping[str, JSON] = field(default_factory=dict)
    taken_over: TakenOver | None = None

    @property
    def used(self) -> Purse:
        """What the run itself has taken already."""
        return self.taken_over.used if self.taken_over is not None else Purse()


async def run_loaded(
    project: Project,
    loaded: LoadedPipeline,
    targets: Targets,
    request: RunRequest,
    *,
    log: RunLog,
    listeners: Sequence[Emit] = (),
    counts: RunCounts | None = None,
    on_print: Callable[[Printed], None] = print_to_stderr,
    held: Held = NOTHING_HELD,
) -> RunSummary:
    """Run a pipeline to its summary. Raises UsageError, NothingToRun and StorageError."""
    session = session_of(project, loaded, request, log=log, git=git_state(project.root))
    held = replace(held, bases={**session.held.bases, **held.bases})
    told = replace(session, listeners=listeners, counts=counts or RunCounts(), on_print=on_print, held=held)
    try:
        if request.mode != "replay":
            Recordings(project.files, loaded.name).require_sound()
        return await told.run()
    finally:
        await targets.close()


def session_of(
    project: Project, loaded: LoadedPipeline, request: RunRequest, *, log: RunLog, git: GitState
) -> Session:
    """Give the run of a pipeline, ready to start; raises UsageError and NothingToRun."""
    require_runnable(project, loaded, request)
    plan = plan_of(loaded, request, log)
    start = _start(project, loaded, request, log, git)
    measures = {MEASURES: measures_of(plan).as_json()}
    return Session(
        root=project.root,
        plan=plan,
        start=replace(start, made_with={**start.made_with, **measures}),
        options=options_of(loaded, project, request),
        log=log,
        attachments=lambda on_read: ProjectAttachments(loaded.files, on_read),
        taken_over=request.taken_over,
        held=Held(bases=bases_of(loaded)),
        mode=request.mode,
        recordings=Recordings(project.files, loaded.name),
    )


def require_runnable(project: Project, loaded: LoadedPipeline, request: RunRequest) -> None:
    """Raise UsageError where a limit has no price to go by, or python is needed and not allowed."""
    require_leave(loaded, python_allowed=request.python_allowed, replays=request.mode == "replay")
    if request.mode == "replay":
        if request.fresh:
            hint = "leave --fresh out, or replay nothing: `run --mode live`, `test --live`"
            raise UsageError("--fresh asks anew, and a replay asks nobody", hint=hint)
        return
    ceilings = project.settings.limits
    own = (request.max_cost, loaded.spec.limits.cost_usd, ceilings.cost_usd, ceilings.cost_usd_per_day)
    if any(limit is not None for limit in own):
        _require_prices(loaded)


def plan_of(loaded: LoadedPipeline, request: RunRequest, log: RunLog) -> Plan:
    """Give the plan of the trials that are wanted; raises NothingToRun where there are none."""
    rows, count = loaded.rows, loaded.row_count
    if request.limit is not None:
        count = min(count, request.limit)
        rows = lambda: islice(loaded.rows(), request.limit)  # noqa: E731 - one expression, named by its place
    plan = Plan(loaded.name, loaded.cells, rows, count)
    failed = _failed_trials(request.failed, log, loaded) if request.failed is not None else request.trials
    affected = request.affected.get(loaded.path)
    tags = frozenset(request.tags) if not set(request.tags) & set(loaded.spec.tags) else frozenset()
    if failed is not None or tags:
        plan = plan.narrowed(lambda key, row: _is_wanted(key, row, failed, tags))
    if affected is not None:
        plan = plan.narrowed(lambda key, _row: affected.has(key.row_id, key.cell, key.repeat))
    if not plan.size:
        raise NothingToRun(f"{loaded.path}: no row is left to run")
    return plan


def _is_wanted(key: TrialKey, row: Row, failed: frozenset[TrialName] | None, tags: frozenset[str]) -> bool:
    if failed is not None and (key.row_id, key.cell, key.repeat) not in failed:
        return False
    return not tags or bool(tags & set(row.tags))


def _failed_trials(run: str, log: RunLog, loaded: LoadedPipeline) -> frozenset[TrialName]:
    """Give the trials that failed or errored, but for those of rows enough of whose repeats passed."""
    failed, passed, needed = set[TrialName](), Counter[tuple[str, str]](), loaded.spec.repeat.needed
    with log.reading() as session:
        found = RunService(session, is_running=log.is_running).find(run)
        for trial in TrialService(session).of_run(found.id):
            key = trial.key
            passed[key.row_id, key.cell] += trial.status == "passed"
            if trial.status in ("failed", "errored"):
                failed.add((key.row_id, key.cell, key.repeat))
    return frozenset(name for name in failed if needed is None or passed[name[:2]] < needed)


def _id_of(run: str, log: RunLog) -> str:
    """Give the id for what, as `last`, may soon name another run."""
    with log.reading() as session:
        return RunService(session, is_running=log.is_running).find(run).id


@frozen
class Ceiling:
    """A limit on a run's cost: what of it is gone before the run begins, and who set it."""

    usd: float
    spent: float = 0.0
    name: str = "limits.cost_usd"

    @property
    def room(self) -> float:
        return self.usd - self.spent


def ceiling_of(loaded: LoadedPipeline, project: Project, request: RunRequest) -> Ceiling | None:
    """Give the limit that leaves the least: the flag's, else the pipeline's, or that of promptlab.yaml."""
    own, ceilings, used = loaded.spec.limits.cost_usd, project.settings.limits, request.used.usd
    known: list[Ceiling] = []
    if request.max_cost is not None:
        known.append(Ceiling(request.max_cost, request.spent + used, OF_FLAG))
    elif own is not None:
        known.append(Ceiling(own, used))
    if ceilings.cost_usd is not None:
        known.append(Ceiling(ceilings.cost_usd, request.session_spent + used, OF_SETTINGS))
    return min(known, key=lambda ceiling: ceiling.room, default=None)


def options_of(loaded: LoadedPipeline, project: Project, request: RunRequest) -> RunOptions:
    """Give how the run goes about its calls, and within which limits."""
    ceiling = ceiling_of(loaded, project, request)
    limits = loaded.spec.limits.model_copy(update={"cost_usd": ceiling.usd if ceiling else None})
    return RunOptions(
        limits=limits,
        cost_name=ceiling.name if ceiling else "",
        cost_usd_per_day=project.settings.limits.cost_usd_per_day,
        fresh=request.fresh,
        streams=request.streams,
        on_unknown=request.on_unknown,
        max_concurrency=request.max_concurrency,
        fail_fast=request.fail_fast,
        python=request.python_allowed,
        spent=replace(request.used, usd=ceiling.spent if ceiling else request.used.usd),
    )


def _require_prices(loaded: LoadedPipeline) -> None:
    targets = (target for cell in loaded.cells for line in cell.lines() for target in line)
    unknown = {target.profile.name for target in targets if target.profile.price is None}
    if unknown:
        names = ", ".join(sorted(unknown))
        hint = "say it under `prices` in promptlab.yaml, or run without a cost limit"
        raise UsageError(f"there is a cost limit, but the price of {names} is unknown", hint=hint)


def _start(
    project: Project, loaded: LoadedPipeline, request: RunRequest, log: RunLog, git: GitState
) -> RunStart:
    failed = {"failed": _id_of(request.failed, log)} if request.failed is not None else {}
    files = sorted(loaded.files.files_read.values(), key=lambda snapshot: snapshot.path)
    return RunStart(
        pipeline=loaded.name,
        path=loaded.path,
        options={**request.said, **failed},
        made_with={**circumstances_of(project, loaded, request, log), **_chosen(loaded, request)},
        note=request.note,
        git_commit=git.commit,
        git_dirty=git.dirty,
        files=tuple(_source(snapshot, loaded.path, loaded.called) for snapshot in files),
    )


def _chosen(loaded: LoadedPipeline, request: RunRequest) -> dict[str, JSON]:
    """Give which trials --since or a watch chose, which later on would be chosen otherwise."""
    affected, trials = request.affected.get(loaded.path), request.trials
    return {
        **({"affected": affected.as_json()} if affected is not None else {}),
        **({"trials": [list(trial) for trial in sorted(trials)]} if trials is not None else {}),
    }


def circumstances_of(
    project: Project, loaded: LoadedPipeline, request: RunRequest, log: RunLog
) -> Mapping[str, JSON]:
    """Give what the run is made with besides its files and options."""
    failed = _failed_trials(request.failed, log, loaded) if request.failed is not None else None
    plan = Plan(loaded.name, loaded.cells, loaded.rows, loaded.row_count)
    return circumstances(plan, model=project.settings.model, spent=request.spent, failed=failed)


def _source(snapshot: FileSnapshot, pipeline: str, called: frozenset[str]) -> SourceFile:
    kind = _kind(snapshot, pipeline, called)
    manifest = plain({"sha256": snapshot.sha256, "size": snapshot.size}).encode()
    content = manifest if kind == "data" or snapshot.content is None else snapshot.content
    return SourceFile(snapshot.path, kind, content)


def _kind(snapshot: FileSnapshot, pipeline: str, called: frozenset[str]) -> FileKind:
    path = snapshot.path
    if snapshot.content is None:
        return "data"
    if path == pipeline or path in called:
        return "pipeline"
    if path == "promptlab.yaml":
        return "settings"
    if path.endswith(".py"):
        return "python"
    if path.startswith("prompts/") or path.endswith(".j2"):
        return "prompt"
    return "schema"
