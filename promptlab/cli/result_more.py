"""What a result says of metrics beside its table: classification reports, slices, flaky rows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promptlab.cli.slicing import slices_grid
from promptlab.cli.tables import Grid, show_grid
from promptlab.cli.winners import winner_lines
from promptlab.core.display import escaped
from promptlab.reports.shown_metrics import class_tables
from promptlab.schemas.report import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

NAMED = 5


def show_more(console: "Console", summary: RunSummary) -> None:
    """Print the tables that stand below a result's own."""
    for table in class_tables(summary):
        right = frozenset(range(1, len(table.header)))
        show_grid(console, Grid(header=table.header, rows=table.rows, title=table.title, right=right))
    for line in winner_lines(summary.measured):
        console.print(escaped(line), soft_wrap=True)
    grid = slices_grid(summary)
    if grid is not None:
        show_grid(console, grid)


def more_lines(summary: RunSummary) -> Iterator[str]:
    """Say why metrics have no value, and which rows pass only sometimes."""
    for cell, metrics in summary.measured.detail.items():
        for name, detail in metrics.items():
            if "error" in detail:
                yield f"metric {name} in {cell}: {detail['error']}"
    for cell, found in summary.measured.flaky.items():
        if found["flaky"]:
            first = ", ".join(_told(one) for one in found["first"][:NAMED])
            more = ", …" if found["flaky"] > NAMED else ""
            yield (
                f"{found['flaky']:,} of {found['rows']:,} rows in {cell} pass only sometimes: {first}{more}; "
                f"`promptlab runs show {summary.run_id} --flaky` lists them"
            )


def _told(one: dict[str, int]) -> str:
    return f"row {one['row']} ({one['passed']} of {one['judged']})"
