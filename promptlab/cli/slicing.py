"""`--by`: the metrics of a run by the value of a column, or by tag."""

from typing import TYPE_CHECKING

import click

from promptlab.cli.completing import complete_columns
from promptlab.core.errors import UsageError

if TYPE_CHECKING:
    from promptlab.cli.tables import Grid
    from promptlab.loader.loading import LoadedPipeline
    from promptlab.schemas.report import RunSummary, Slice

TAGS = "$tags"
HELP = "Show the metrics by the values of this column, or by $tags, too."
BY = click.option("--by", metavar="COLUMN", shell_complete=complete_columns, help=HELP)


def refuse_unknown_column(by: str, loaded: "LoadedPipeline") -> None:
    """Raise UsageError where no row of a pipeline has the column."""
    from promptlab.core.suggest import did_you_mean  # noqa: PLC0415

    known = {TAGS, *(loaded.spec.inputs or {})}
    if loaded.scan is not None:
        known |= {*loaded.scan.inputs, *loaded.scan.columns}
    if by not in known:
        raise UsageError(f"--by {by}: {loaded.path} has no such column", hint=did_you_mean(by, known))


def slices_grid(summary: "RunSummary") -> "Grid | None":
    """Give a line for each value and cell."""
    from promptlab.cli.tables import Grid  # noqa: PLC0415
    from promptlab.core.words import money  # noqa: PLC0415
    from promptlab.reports.shown_metrics import rate_text, shown_metrics  # noqa: PLC0415

    if summary.slices is None:
        return None
    shown = [
        metric
        for metric in shown_metrics(summary)
        if any(metric.name in one.metrics for one in summary.slices.slices)
    ]
    several = len(summary.cells) > 1

    def row(one: "Slice") -> list[str]:
        cost = one.metrics.get("cost_usd")
        return [
            one.value,
            *([one.cell] if several else []),
            f"{one.trials:,}",
            rate_text(one.metrics.get("pass_rate"), one.intervals.get("pass_rate")),
            *(metric.text(one.metrics.get(metric.name)) for metric in shown),
            "unknown" if cost is None else money(cost),
        ]

    header = [summary.slices.by, *(["cell"] if several else []), "trials", "pass rate"]
    header += [*(metric.label for metric in shown), "cost"]
    first = 2 if several else 1
    rows = [row(one) for one in summary.slices.slices]
    return Grid(
        header=header, rows=rows, title=f"by {summary.slices.by}", right=frozenset(range(first, len(header)))
    )
