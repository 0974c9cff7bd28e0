"""The options that say when a run ends early and how it is shown: of `run` and `resume`."""

from collections.abc import Callable
from typing import Any

import click

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

SHOWN: tuple[Decorator, ...] = (
    click.option("--stream", is_flag=True, help="Show each answer on stderr as it comes."),
    click.option("--fail-fast", is_flag=True, help="Start nothing more once a trial did not pass."),
    click.option(
        "--fail-exit-code",
        type=click.IntRange(0, 255),
        default=1,
        show_default=True,
        help="The exit code where a gate or trial failed.",
    ),
    click.option(
        "--out",
        "outs",
        multiple=True,
        metavar="FILE",
        help="Write a report: .xml .md .html .json .jsonl .csv; {pipeline} in it becomes its name.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pipeline, one a line."),
)


def showing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a run is shown."""
    for option in reversed(SHOWN):
        command = option(command)
    return command
