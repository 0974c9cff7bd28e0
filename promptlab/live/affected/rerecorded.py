"""Finds trials that ask what they asked, and are answered, or held against a baseline, otherwise now."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import field
from itertools import batched

from promptlab.core.frozen import slotted
from promptlab.engine.call import Call
from promptlab.engine.forecasting import Forecaster
from promptlab.engine.places import place_of
from promptlab.engine.plan import Plan, Trial
from promptlab.engine.scope import Render
from promptlab.live.affected.comparing import CellChanges, Comparison
from promptlab.live.recordings import RecordedFiles
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.baseline import baseline_path
from promptlab.loader.files import ProjectFiles
from promptlab.loader.recordings import FOLDER, Recordings
from promptlab.schemas.affected import Why
from promptlab.schemas.gate import BASELINE

AT_ONCE = 128
RECORDING, REBASED = Why("recording"), Why("baseline")
COMPARES_CELLS = "select-best"  # what it asks is known after a run alone


async def add_rerecorded(
    comparison: Comparison, render: Render, files: ProjectFiles, changed: frozenset[str]
) -> None:
    """Add the trials that come to a recording that is new, gone or another one; `changed`: paths.

    Raises InvalidPipeline for a file that is no recording.
    """
    loaded = comparison.head.loaded
    fingerprints = _fingerprints(loaded.name, changed)
    if not fingerprints:
        return
    recordings, found = Recordings(files, loaded.name), comparison.found
    plan = Plan(loaded.name, loaded.cells, loaded.rows, loaded.row_count)
    heard = _Heard(fingerprints)
    forecaster = Forecaster(
        RecordedFiles(recordings),
        render,
        attachments=ProjectAttachments(loaded.files),
        anyhow=True,
        hear=heard,
    )
    is_any = plan.has_metric(COMPARES_CELLS)
    wanted = (trial for trial in plan.trials() if is_any or not _is_affected(found, trial))
    for trials in batched(wanted, AT_ONCE):
        heard.calls.clear()
        await asyncio.gather(*map(forecaster.trial, trials))
        _add(found, trials, heard.calls)
    if is_any and fingerprints.intersection(recordings.fingerprints()) - heard.known:
        _add_all(found, plan.trials(), RECORDING)


def add_rebased(comparison: Comparison, changed: frozenset[str]) -> None:
    """Add all trials where a gate is held against a baseline that is another one; `changed`: paths."""
    loaded = comparison.head.loaded
    if baseline_path(loaded.name) in changed and any(one.against == BASELINE for one in loaded.spec.gates):
        plan = Plan(loaded.name, loaded.cells, loaded.rows, loaded.row_count)
        _add_all(comparison.found, plan.trials(), REBASED)


@slotted
class _Heard:
    """Keeps the calls whose requests are among some; `known`: which of these came up at all."""

    fingerprints: frozenset[str]
    calls: list[Call] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def __call__(self, call: Call) -> None:
        fingerprint = call.request.fingerprint
        if fingerprint in self.fingerprints:
            self.calls.append(call)
            self.known.add(fingerprint)


def _fingerprints(pipeline: str, changed: Iterable[str]) -> frozenset[str]:
    """Give what the recordings among these paths are the answers to."""
    path = re.compile(rf"{FOLDER}/{re.escape(pipeline)}/[0-9a-f]{{2}}/([0-9a-f]{{64}})\.json")
    return frozenset(match[1] for match in map(path.fullmatch, changed) if match)


def _is_affected(found: dict[str, CellChanges], trial: Trial) -> bool:
    return trial.row.id in found[trial.cell.name].effects


def _add(found: dict[str, CellChanges], trials: Iterable[Trial], calls: Iterable[Call]) -> None:
    rows = {trial.row.id: trial.row for trial in trials}
    for call in calls:
        if call.trial is not None:
            row = rows[call.trial.row_id]
            found[call.trial.cell].add(row, place_of(call.step), "verdicts", [RECORDING])


def _add_all(found: dict[str, CellChanges], trials: Iterable[Trial], why: Why) -> None:
    for trial in trials:
        found[trial.cell.name].add(trial.row, "", "verdicts", [why])
