"""Writes and shows baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from promptlab.analysis.comparing import CellComparison
from promptlab.cli.compare_view import metric_grid
from promptlab.cli.console import out_console
from promptlab.cli.opening import Stored, stored
from promptlab.cli.tables import Grid, show_grid
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, plain
from promptlab.core.words import plural
from promptlab.live.baselines import (
    BaselineUpdate,
    NamedPipeline,
    named_pipelines,
    newest_whole,
    older_notes,
    updated,
    write_baseline,
)
from promptlab.loader.baseline import baseline_path, read_baseline
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.reports.comparison_table import row_line, value_text
from promptlab.schemas.baseline import Baseline
from promptlab.schemas.log import RunRecord

SCHEMA_VERSION = 1
COMMIT = 10


def update_baselines(project: Project, references: Sequence[str], run: str | None, *, as_json: bool) -> None:
    """Write the baselines of pipelines, all or none. Raises UsageError and InvalidPipeline."""
    with stored(project) as found:
        if run is None:
            wanted = [(one, newest_whole(found.runs, one)) for one in named_pipelines(project, references)]
        else:
            wanted = [(_pipeline_of(project, found, references, run), found.runs.find(run))]
        updates = [_updated(project, found, pipeline, record) for pipeline, record in wanted]
    for update in updates:
        if update.is_changed:
            write_baseline(project, update)
    if as_json:
        click.echo(plain(_document([update.as_json() for update in updates])))
        return
    for update in updates:
        _show_update(update)


def _updated(project: Project, found: Stored, pipeline: NamedPipeline, run: RunRecord) -> BaselineUpdate:
    update = updated(project, pipeline, run, found.session)
    return replace(update, notes=(*update.notes, *older_notes(project, run, found.runs)))


def _pipeline_of(project: Project, found: Stored, references: Sequence[str], run: str) -> NamedPipeline:
    """Give the pipeline that a run is of; raises UsageError where others were named."""
    record = found.runs.find(run)
    if record.path is None:
        raise UsageError(f"run {record.id} is of no pipeline of a file")
    if any(project.pipeline(reference) != record.path for reference in references):
        raise UsageError(f"run {record.id} is of {record.path}", hint="name this pipeline, or none")
    return named_pipelines(project, [str(project.root / record.path)])[0]


def _document(baselines: Sequence[JSON]) -> dict[str, JSON]:
    return {"schema_version": SCHEMA_VERSION, "baselines": [*baselines]}


def _show_update(update: BaselineUpdate) -> None:
    console, made = out_console(), update.baseline
    size = f"{plural(made.rows, 'row')} in {plural(len(made.cells), 'cell')}"
    how = f"written from run {made.run}" if update.is_changed else f"run {made.run} says the same"
    console.print(escaped(f"{update.path}: {how}, {size}"), soft_wrap=True)
    for cell in filter(_has_moved, update.cells):
        show_grid(console, metric_grid(cell, title=f"{cell.name}: A is the file as it was, B as it is now"))
        console.print(escaped(row_line(cell)), style="dim", soft_wrap=True)
    for word, cells in (("gone", update.only_before), ("new", update.only_now)):
        if cells:
            console.print(escaped(f"  {word}: {', '.join(cells)}"), soft_wrap=True)
    for note in update.notes:
        click.echo(escaped(f"{update.path}: {note}"), err=True)


def _has_moved(cell: CellComparison) -> bool:
    return bool(cell.only_a or cell.only_b or any(one.moved for one in cell.differences))


def show_baselines(project: Project, references: Sequence[str], *, as_json: bool) -> None:
    """Show what baselines hold. Raises UsageError where there is none, InvalidPipeline for a broken one."""
    problems, pipelines = Problems(), named_pipelines(project, references)
    found = [_read(project, one, problems, is_named=bool(references)) for one in pipelines]
    problems.raise_errors()
    baselines = [one for one in found if one is not None]
    if as_json:
        click.echo(plain(_document([_object(one) for one in baselines])))
        return
    for one in baselines:
        _show(one)


def _read(
    project: Project, pipeline: NamedPipeline, problems: Problems, *, is_named: bool
) -> Baseline | None:
    errors = problems.errors
    found = read_baseline(project.files.source, pipeline.name, problems)
    if found is None and problems.errors == errors:
        hint = f"`promptlab baseline update {pipeline.path}` writes it"
        message = f"there is no {baseline_path(pipeline.name)}"
        if is_named:
            raise UsageError(message, hint=hint)
        click.echo(f"{message}; {hint}", err=True)
    return found


def _object(baseline: Baseline) -> dict[str, JSON]:
    return {
        "pipeline": baseline.pipeline,
        "path": baseline_path(baseline.pipeline),
        "run_id": baseline.run,
        "commit": baseline.commit,
        "cells": {
            cell: {"rows": len(rows), "metrics": {**_means(rows)}} for cell, rows in baseline.cells.items()
        },
    }


def _means(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    names = sorted({name for values in rows.values() for name in values})
    columns = {name: [values[name] for values in rows.values() if name in values] for name in names}
    return {name: sum(column) / len(column) for name, column in columns.items()}


def _show(baseline: Baseline) -> None:
    means = {cell: _means(rows) for cell, rows in baseline.cells.items()}
    names = sorted({name for values in means.values() for name in values})
    header = ["", "rows", *names]
    lines = [
        [cell, f"{len(baseline.cells[cell]):,}", *(_text(values, name) for name in names)]
        for cell, values in means.items()
    ]
    commit = f" · commit {baseline.commit[:COMMIT]}" if baseline.commit else ""
    title = f"{baseline_path(baseline.pipeline)} · run {baseline.run}{commit}"
    show_grid(
        out_console(), Grid(header=header, rows=lines, title=title, right=frozenset(range(1, len(header))))
    )


def _text(values: Mapping[str, float], name: str) -> str:
    return value_text(name, values[name]) if name in values else "–"
