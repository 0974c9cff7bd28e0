"""Makes the baselines of pipelines from stored runs, and writes them into the project."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from promptlab.analysis.comparing import CellComparison, cell_pairs, compare_cells
from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.words import plural
from promptlab.live.source_changes import changed_files
from promptlab.loader.baseline import baseline_path, baseline_text, read_baseline
from promptlab.loader.document import parse_yaml
from promptlab.loader.files import LARGEST, ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.schemas.baseline import Baseline
from promptlab.schemas.gate import BASELINE
from promptlab.schemas.log import RunRecord
from promptlab.services.row_metrics import RowMetricsService
from promptlab.services.runs import OF_PIPELINES, RunService

PAGE = 50
MOST_NAMED = 3
NARROWED: Mapping[str, str] = {
    "limit": "--limit",
    "where": "--where",
    "failed": "--failed",
    "since": "--since",
    "tags": "--tag",
    "inputs": "-i",
    "variants": "--variant",
    "model": "--model",
    "sets": "--set",
    "repeat": "--repeat",
}
"""Options under which a run is not what the files say, or not all of it."""


@frozen
class NamedPipeline:
    """A pipeline as far as its baseline needs it: where it lies, and what it is called."""

    path: str
    name: str
    is_gated: bool = False


@frozen(kw_only=True)
class BaselineUpdate:
    """What is to be written, and how it differs from `before`, the file that is there.

    `notes`: what makes it less than it should be.
    """

    path: str
    baseline: Baseline
    before: Baseline | None
    cells: tuple[CellComparison, ...] = ()
    only_before: tuple[str, ...] = ()
    only_now: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        return self.before is None or self.before.cells != self.baseline.cells

    def as_json(self) -> dict[str, JSON]:
        return {
            "pipeline": self.baseline.pipeline,
            "path": self.path,
            "run_id": self.baseline.run,
            "status": "new" if self.before is None else "changed" if self.is_changed else "unchanged",
            "rows": self.baseline.rows,
            "cells": [cell.as_json() for cell in self.cells],
            "only_before": [*self.only_before],
            "only_now": [*self.only_now],
            "notes": [*self.notes],
        }


def named_pipelines(project: Project, references: Sequence[str]) -> list[NamedPipeline]:
    """Give the pipelines that are named, else those that have a gate against a baseline, or a baseline.

    Raises UsageError where there is none, InvalidPipeline for one that cannot be read.
    """
    if references:
        return [_named(project, path) for path in dict.fromkeys(map(project.pipeline, references))]
    known = (_named(project, path) for path in project.pipelines())
    found = [one for one in known if one.is_gated or project.files.exists(baseline_path(one.name))]
    if not found:
        hint = "name a pipeline, as in `promptlab baseline update PIPELINE`"
        raise UsageError("no pipeline has a gate `against: baseline`, or a baseline", hint=hint)
    return found


def _named(project: Project, path: str) -> NamedPipeline:
    problems = Problems()
    text = project.files.read_text(path, problems)
    document = None if text is None else parse_yaml(path, text, problems)
    problems.raise_errors()
    value: Any = document.value if document is not None else {}
    gates = value.get("gates")
    known = gates if isinstance(gates, list) else []
    is_gated = any(isinstance(gate, dict) and gate.get("against") == BASELINE for gate in known)
    return NamedPipeline(path, str(value.get("name") or PurePosixPath(path).stem), is_gated)


def newest_whole(runs: RunService, pipeline: NamedPipeline) -> RunRecord:
    """Give the newest run of all that the files say; raises UsageError where there is none."""
    newest = None
    for run in _runs(runs, pipeline):
        newest = newest or run
        if not any(_faults(run)):
            return run
    hint = f"`promptlab run {pipeline.path}` makes one, or say --run RUN"
    if newest is None:
        raise UsageError(f"{pipeline.path} was never run", hint=hint)
    why = "; ".join(_faults(newest))
    raise UsageError(f"no run of {pipeline.path} is whole: the newest, {newest.id}, {why}", hint=hint)


def _runs(runs: RunService, pipeline: NamedPipeline) -> Iterator[RunRecord]:
    before = None
    while page := runs.newest(pipeline=pipeline.name, limit=PAGE, before=before, where=(OF_PIPELINES,)):
        yield from (run for run in page if run.path == pipeline.path)
        before = page[-1].id


def _faults(run: RunRecord) -> Iterator[str]:
    """Say why a run is not whole."""
    if run.status == "running":
        yield "is still running"
    elif run.done < run.planned:
        yield f"left {plural(run.planned - run.done, 'trial')}"
    said = [flag for name, flag in NARROWED.items() if run.options.get(name) not in (None, [], False)]
    if said:
        yield f"was run with {', '.join(said)}"
    elif run.made_with.get("affected") or run.made_with.get("trials") is not None:
        yield "was of some trials alone"


def updated(project: Project, pipeline: NamedPipeline, run: RunRecord, session: Session) -> BaselineUpdate:
    """Say what the baseline of a pipeline becomes by a run of it; one that cannot be read is made anew."""
    rows = RowMetricsService(session).of_run(run.id)
    cells = {cell: {row: dict(values) for row, values in found.items()} for cell, found in rows.items()}
    if not any(cells.values()):
        raise UsageError(f"run {run.id} has no trial that was judged")
    problems = Problems()
    before = read_baseline(project.files.source, pipeline.name, problems)
    broken = ["the file that was there could not be read"] if problems.errors else []
    there = before.cells if before is not None else {}
    return BaselineUpdate(
        path=baseline_path(pipeline.name),
        baseline=Baseline(version=1, pipeline=pipeline.name, run=run.id, commit=_commit(run), cells=cells),
        before=before,
        cells=compare_cells(there, cells, cell_pairs(list(there), list(cells)) if there else []),
        only_before=tuple(cell for cell in there if cell not in cells),
        only_now=tuple(cell for cell in cells if there and cell not in there),
        notes=(*broken, *_notes(run)),
    )


def _commit(run: RunRecord) -> str | None:
    if run.git_commit is None:
        return None
    return f"{run.git_commit} and changes" if run.git_dirty else run.git_commit


def _notes(run: RunRecord) -> Iterator[str]:
    yield from (f"run {run.id} {fault}" for fault in _faults(run))
    if run.errored:
        yield f"{plural(run.errored, 'trial')} of run {run.id} errored: they count as 0 in what checks say"


def older_notes(project: Project, run: RunRecord, runs: RunService) -> Iterator[str]:
    """Say which files have changed since the run, so that another would say something else."""
    changed = list(changed_files(ProjectFiles(project.root), runs.sources(run.id)))
    if changed:
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        yield f"since run {run.id}, {', '.join(changed[:MOST_NAMED])}{more}"


def write_baseline(project: Project, update: BaselineUpdate) -> None:
    """Write the file in one go; raises UsageError where it cannot lie there, else CannotGoOn."""
    content = baseline_text(update.baseline).encode("utf-8", "surrogatepass")
    if len(content) > LARGEST:
        raise UsageError(f"{update.path} would be larger than {LARGEST // 2**20} MB", hint="take fewer rows")
    path = project.root / update.path
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(project.root)):
        raise UsageError(f"{update.path} leads outside the project")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise CannotGoOn(f"{path}: cannot be written: {(error.strerror or '').lower()}") from None
