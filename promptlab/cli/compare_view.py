"""Compares what the log has, and shows it."""

from typing import TYPE_CHECKING

import click

from promptlab.analysis.comparing import CellComparison
from promptlab.analysis.comparison import Comparison
from promptlab.cli.console import is_terminal, out_console
from promptlab.cli.flip_lines import Line, flip_lines
from promptlab.cli.opening import Stored
from promptlab.cli.output import put_out
from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.json import plain
from promptlab.live.comparing import compare
from promptlab.live.comparing_runs import stored_side
from promptlab.reports.comparison_table import HEADER, flip_line, lines, note_lines, row_line, title_lines

if TYPE_CHECKING:
    from rich.console import Console

SHOWN, WRITTEN = 10, 100  # flips, with what their outputs differ by
STYLES = {"better": "green", "worse": "red", "": ""}


def compare_stored(
    stored: Stored,
    a: str,
    b: str | None,
    *,
    variant: str | None,
    against: str | None,
    flips: int | None,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Compare two runs, or the cells of one, and print what there is to say. Raises UsageError."""
    if as_json and as_markdown:
        raise UsageError("--json and --markdown cannot both be printed", hint="say one of them")
    if b is None and against is None:
        hint = "name a second run, or say --variant V --against W"
        raise UsageError("there is nothing to compare it with", hint=hint)
    told = flips if flips is not None else WRITTEN if as_json or as_markdown else SHOWN
    first = stored.runs.find(a)
    second = first if b is None else stored.runs.find(b)
    if first.id == second.id and against is None:
        raise UsageError(f"A and B are the same run, {first.id}", hint="say --variant V --against W")
    side = stored_side(stored.session, stored.runs, first)
    other = side if first.id == second.id else stored_side(stored.session, stored.runs, second)
    found = compare(side, other, variant=variant, against=against, told=told)
    if as_json:
        click.echo(plain(found.as_json()))
    elif as_markdown:
        from promptlab.reports.comparison_markdown import markdown  # noqa: PLC0415

        put_out([markdown(found)], None)
    else:
        show_comparison(out_console(), found)


def show_comparison(console: "Console", found: Comparison) -> None:
    """Print a table a cell, then the trials that flipped."""
    for title in title_lines(found):
        console.print(escaped(title), style="dim", soft_wrap=True)
    for cell in found.cells:
        console.print()
        show_grid(console, metric_grid(cell, title=cell.name))
        console.print(escaped(row_line(cell)), style="dim", soft_wrap=True)
    console.print()
    console.print(escaped(flip_line(found)), soft_wrap=True)
    for flip in found.flips[: found.told]:
        for spans in flip_lines(flip, colour=is_terminal(console)):
            _print(console, spans)
    if len(found.flips) > found.told:
        console.print(f"  and {len(found.flips) - found.told:,} more; --flips N shows them", style="dim")
    for note in note_lines(found):
        console.print(escaped(note), style="yellow", soft_wrap=True)


def metric_grid(cell: CellComparison, *, title: str | None) -> Grid:
    """Give the metrics of a cell at both sides; those that moved for certain are coloured."""
    rows = [[Styled(text, STYLES[line.tone]) for text in line.texts] for line in lines(cell)]
    return Grid(header=HEADER, rows=rows, title=title, right=frozenset(range(1, len(HEADER))))


def _print(console: "Console", line: Line) -> None:
    from rich.text import Text  # noqa: PLC0415

    console.print(Text.assemble(*((span.text, span.style) for span in line)), soft_wrap=True)
