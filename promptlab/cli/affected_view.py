"""Finds what is affected and shows it: a table a pipeline, or one JSON document."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from promptlab.cli.console import out_console
from promptlab.cli.loading import all_there, load_all
from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.display import escaped
from promptlab.core.json import plain
from promptlab.core.words import plural
from promptlab.live.affected.finding import Since, find_affected
from promptlab.loader.changes import NO_CHANGES
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.schemas.affected import Affected, PipelineChange, StepChange, Why

if TYPE_CHECKING:
    from rich.console import Console

SHORT = 10
FEW = 5
STYLES = {"calls": "yellow", "verdicts": "cyan"}


def show_affected(project: Project, references: Sequence[str], ref: str, *, as_json: bool) -> int:
    """Show what is affected, of the pipelines that are named, else of all; give 0."""
    with LoadingMemory() as memory:
        if references:
            loaded = [one for one, _ in load_all(project, references, None, NO_CHANGES)]
        else:
            loaded = all_there(project, memory)
        since = Since(ref=ref, with_removed=not references)
        found = find_affected(project, loaded, since, memory).affected
    if as_json:
        click.echo(plain(found.as_json()))
    else:
        _show(out_console(), found)
    return 0


def _show(console: "Console", found: Affected) -> None:
    changed = [one for one in found.pipelines if one.status != "unchanged"]
    for one in changed:
        _show_pipeline(console, one)
    parted = f"{found.commit[:SHORT]}, where HEAD parted from {found.ref}"
    since = f"since {parted if found.has_parted else f'{found.ref} ({found.commit[:SHORT]})'}"
    if not changed:
        what = plural(len(found.pipelines), "pipeline")
        console.print(escaped(f"nothing is affected in {what} {since}"), soft_wrap=True)
        return
    trials = sum(one.trials for one in found.pipelines)
    calls, verdicts = sum(one.calls for one in changed), sum(one.verdicts for one in changed)
    parts = [f"{calls:,} with other calls", f"{verdicts:,} with other verdicts alone"]
    of = f"{len(changed)} of {plural(len(found.pipelines), 'pipeline')}"
    line = f"affected {since}: {of}, {calls + verdicts:,} of {plural(trials, 'trial')}: {', '.join(parts)}"
    console.print(escaped(line), soft_wrap=True)


def _show_pipeline(console: "Console", one: PipelineChange) -> None:
    has_cells = len({change.cell for change in one.changes}) > 1
    names = ["cell", "step"] if has_cells else ["step"]
    rows = [_row(change, has_cells=has_cells) for change in one.changes]
    if rows:
        header = [*names, "rows", "changes", "why"]
        show_grid(console, Grid(header=header, rows=rows, title=_title(one), right=frozenset((len(names),))))
    else:
        console.print(escaped(_title(one)), soft_wrap=True)
    for line in _notes(one):
        console.print(escaped(f"  {line}"), soft_wrap=True)
    console.print()


def _title(one: PipelineChange) -> str:
    name = f"{one.pipeline} ({one.path})"
    if one.status == "removed":
        return f"{name}: removed"
    return f"{name}: {one.affected:,} of {plural(one.trials, 'trial')}"


def _row(change: StepChange, *, has_cells: bool) -> list[Styled | str]:
    cell = [change.cell] if has_cells else []
    rows = f"{len(change.rows):,} of {change.of:,}"
    step = change.step if change.step is not None else "(outputs)"
    return [*cell, step, rows, Styled(change.effect, STYLES[change.effect]), _reasons(change)]


def _reasons(change: StepChange) -> str:
    """Give the reasons; of one that does not hold for all of the rows, for how many."""
    return ", ".join(_reason(why, count, len(change.rows)) for why, count in change.why.items())


def _reason(why: Why, count: int, rows: int) -> str:
    return why.text if count == rows else f"{why.text} ({count:,})"


def _notes(one: PipelineChange) -> Iterator[str]:
    if one.was is not None:
        yield f"it was {one.was}"
    for was, now in one.renamed.items():
        yield f"the cell {now} was {was}"
    for cell in one.removed_cells:
        yield f"the cell {cell} is there no more"
    if one.new_rows:
        yield f"{plural(len(one.new_rows), 'new row')}: {_few(one.new_rows)}"
    if one.removed_rows:
        yield f"{plural(len(one.removed_rows), 'row')} there no more: {_few(one.removed_rows)}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")
