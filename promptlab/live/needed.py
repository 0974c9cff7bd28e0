"""Which recordings a pipeline needs: a walk over all its trials with the recordings alone as answers."""

import asyncio
from collections.abc import Callable
from dataclasses import field
from itertools import batched

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON
from promptlab.engine.call import Call
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.forecasting import Forecaster
from promptlab.engine.plan import Plan
from promptlab.engine.rendering import Renderer
from promptlab.live.recordings import RecordedFiles
from promptlab.live.unrecorded import told
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings
from promptlab.schemas.report import Unrecorded

AT_ONCE = 128


@frozen(kw_only=True)
class Needed:
    """`used`: fingerprints of recordings that the walk came to; `missing`: calls that have none.

    `told_all`: nothing hangs on what is missing, and nothing is asked that a walk does not come to.
    """

    pipeline: str
    path: str
    used: frozenset[str]
    missing: tuple[Unrecorded, ...]
    told_all: bool = True

    def as_json(self) -> dict[str, JSON]:
        return {
            "pipeline": self.pipeline,
            "path": self.path,
            "recorded": len(self.used),
            "missing": [one.as_json() for one in self.missing],
        }


async def needed(
    project: Project, loaded: LoadedPipeline, *, progress: Callable[[int, int], None] = lambda *_: None
) -> Needed:
    """Walk all trials of a pipeline; nothing is sent, run or written. Raises InvalidPipeline."""
    recordings = Recordings(project.files, loaded.name)
    recordings.require_sound()
    plan = Plan(loaded.name, loaded.cells, loaded.rows, loaded.row_count)
    used, missing = _Used(RecordedFiles(recordings)), _Missing(plan)
    attachments = ProjectAttachments(loaded.files)
    done = 0
    async with Renderer() as renderer:
        forecaster = Forecaster(
            used, renderer.render, attachments=attachments, anyhow=True, note=missing.note
        )
        for trials in batched(plan.trials(), AT_ONCE):
            await asyncio.gather(*map(forecaster.trial, trials))
            done += len(trials)
            progress(done, plan.size)
    return Needed(
        pipeline=loaded.name,
        path=loaded.path,
        used=frozenset(used.fingerprints),
        missing=told(missing.calls.values(), recordings),
        told_all=not missing.calls and not plan.has_metric("select-best"),
    )


@slotted
class _Used:
    """The recordings, and which of them were asked for."""

    files: RecordedFiles
    fingerprints: set[str] = field(default_factory=set)

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        del own_run_only
        found = await self.files.recall(request)
        if found is not None:
            self.fingerprints.add(request.fingerprint)
        return found


@slotted
class _Missing:
    """Calls of trials that are run for certain; repeats that others may spare are none."""

    plan: Plan
    calls: dict[str, Call] = field(default_factory=dict)

    def note(self, call: Call) -> None:
        if call.trial is None or call.trial.repeat < self.plan.repeat.fewest:
            self.calls.setdefault(call.request.fingerprint, call)
