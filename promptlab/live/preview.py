"""What a trial would send, from recorded answers where it needs any; nothing is sent, run or written."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import field
from itertools import islice
from typing import Literal

from promptlab.core.display import shown
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.core.words import plural
from promptlab.engine.assembly import assemble_preview
from promptlab.engine.call_log import MemoryCallLog, RecordedAnswers
from promptlab.engine.plan import Trial, trial_of
from promptlab.engine.rendering import Renderer
from promptlab.engine.step_request import StepRequest
from promptlab.engine.together import run_together
from promptlab.live.project_log import has_log, open_log
from promptlab.live.recall import AllRuns, Recaller
from promptlab.live.recordings import Behind, RecordedFiles
from promptlab.live.step_tree import Seen, tree
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings
from promptlab.schemas.run import StepResult

FEW = 12

type PreviewStatus = Literal["rendered", "silent", "skipped", "missing", "errored"]


@frozen(kw_only=True)
class StepPreview:
    """What one step would send. `silent`: a step that sends no messages.

    `missing`: the steps whose answers it needs and that are not recorded; `tools`: by step, those and itself,
    the tools of which a result is not recorded, as where one raised; `error`: why it sends nothing.
    """

    step: str
    status: PreviewStatus
    model: str | None = None
    params: Mapping[str, JSON] = field(default_factory=dict)
    messages: tuple[Mapping[str, JSON], ...] = ()
    missing: tuple[str, ...] = ()
    tools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error: str | None = None

    def as_json(self) -> dict[str, JSON]:
        return {
            "step": self.step,
            "status": self.status,
            "model": self.model,
            "params": dict(self.params),
            "messages": [dict(message) for message in self.messages],
            "missing": list(self.missing),
            "tools": {name: list(tools) for name, tools in self.tools.items()},
            "error": self.error,
        }


def trial_to_preview(loaded: LoadedPipeline, row: int | None = None) -> Trial:
    """Give a row in the first of a pipeline's cells, by its index; None: the first that is run.

    Raises UsageError where there is no such row, or it is not among those that are run.
    """
    found = next((one for one in loaded.rows() if row is None or one.index >= row), None)
    if found is None or row not in (None, found.index):
        raise UsageError(f"{loaded.path}: {_no_row(loaded, row)}", hint=_rows_there(loaded))
    return trial_of(found, loaded.cells[0])


def _no_row(loaded: LoadedPipeline, row: int | None) -> str:
    if row is None:
        return "no row is left to run"
    is_there = loaded.scan is not None and row < loaded.scan.rows
    return f"row {row} is not among those that are run" if is_there else f"there is no row {row}"


def _rows_there(loaded: LoadedPipeline) -> str:
    rows = plural(loaded.row_count, "row")
    if loaded.selection is None:
        return f"it has {rows}, counted from 0"
    first = ", ".join(str(row.index) for row in islice(loaded.rows(), FEW))
    return f"{rows} of the dataset: {first}{', …' if loaded.row_count > FEW else ''}"


async def preview(
    project: Project,
    loaded: LoadedPipeline,
    trial: Trial,
    *,
    only: str | None = None,
    renderer: Renderer | None = None,
) -> list[StepPreview]:
    """Give what the steps of a trial would send, or one alone; raises UsageError for an unknown one.

    A step with steps inside shows what these would send, as far as it is known which there will be.
    `renderer`: one that is open already, and stays open.
    """
    seen = tree(trial.cell.steps, await _performed(project, loaded, trial, renderer))
    shown_steps = [leaf for step in trial.cell.spec.steps for leaf in seen[step.id].leaves()]
    if only is not None:
        known = dict.fromkeys(result.id for one in seen.values() for result in one.result.flat)
        if only not in known:
            raise UsageError(f"there is no step {shown(only)}", hint=did_you_mean(only, known))
        shown_steps = [leaf for leaf in shown_steps if leaf.is_within(only)]
    return [_preview(one) for one in shown_steps]


async def _performed(
    project: Project, loaded: LoadedPipeline, trial: Trial, renderer: Renderer | None
) -> dict[str, StepResult]:
    async with AsyncExitStack() as stack:
        log = stack.enter_context(_recorded(project))
        if renderer is None:
            renderer = await stack.enter_async_context(Renderer())
        files = RecordedFiles(Recordings(project.files, loaded.name))
        run_step = assemble_preview(Behind(log, files), renderer.render, ProjectAttachments(project.files))
        return await run_together(
            trial.cell.steps, lambda planned, needed: run_step(StepRequest(planned, trial, needed))
        )


def _preview(one: Seen) -> StepPreview:
    result, target = one.result, one.planned.target
    sent = result.messages if result.status == "left" else result.messages[:-1]
    unanswered = list(one.unanswered())
    missing = tuple(dict.fromkeys(leaf.result.id for leaf in unanswered))
    return StepPreview(
        step=result.id,
        status="rendered" if sent else "missing" if missing else _silence(result),
        model=target.profile.name if target is not None else None,
        params=target.params if target is not None else {},
        messages=sent,
        missing=missing,
        tools={leaf.result.id: leaf.tools_called for leaf in (one, *unanswered) if leaf.tools_called},
        error=None if result.status == "left" else result.error,
    )


def _silence(result: StepResult) -> PreviewStatus:
    """Say why a step has no messages although it has all that it needs."""
    if result.status == "errored":
        return "errored"
    return "skipped" if result.status == "skipped" else "silent"


@contextmanager
def _recorded(project: Project) -> Iterator[RecordedAnswers]:
    """Open what was recorded before; a run log that is not there is not made."""
    if not has_log(project):
        yield MemoryCallLog()
        return
    with open_log(project, create=False) as log, closing(Recaller(log, "")) as recaller:
        yield AllRuns(recaller)
