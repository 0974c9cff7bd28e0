"""The options that say what is run, and with what: shared by the commands that run and those that plan."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli.completing import complete_pipelines, complete_runs
from promptlab.cli.types import PairType, positive
from promptlab.core.errors import UsageError

if TYPE_CHECKING:
    from promptlab.live.running import RunRequest
    from promptlab.loader.changes import Changes

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

CHOICES: tuple[Decorator, ...] = (
    click.argument(
        "pipelines", nargs=-1, required=True, metavar="PIPELINE…", shell_complete=complete_pipelines
    ),
    click.option(
        "-i", "inputs", type=PairType(), multiple=True, help="An input of one row; no data is read."
    ),
    click.option("--model", metavar="PROVIDER/MODEL", help="The model of every step."),
    click.option(
        "--set",
        "sets",
        type=PairType(),
        multiple=True,
        help="Set a key of the pipeline: params.temperature=0.",
    ),
    click.option(
        "--variant",
        "variants",
        multiple=True,
        metavar="V",
        help="Only this variant, or the cell of this name.",
    ),
    click.option("--tag", "tags", multiple=True, metavar="T", help="Only rows or pipelines with this tag."),
    click.option("--where", metavar="EXPR", help="Only rows for which this holds: \"tier == 'pro'\"."),
    click.option("--limit", type=positive(int), metavar="N", help="Only the first N rows."),
    click.option(
        "--failed",
        metavar="RUN",
        shell_complete=complete_runs,
        help="Only what failed or errored in this run.",
    ),
    click.option("--repeat", type=positive(int), metavar="N", help="Run each row N times in each cell."),
    click.option(
        "--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls at once a model."
    ),
    click.option(
        "--max-cost", type=positive(float), metavar="USD", help="Stop before more than this is spent."
    ),
    click.option("--fresh", is_flag=True, help="Recall nothing that was recorded before."),
    click.option("--no-python", is_flag=True, help="Refuse to run the project's python."),
)


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose what is run."""
    for option in reversed(CHOICES):
        command = option(command)
    return command


def changes(options: Mapping[str, Any]) -> "Changes":
    """Give what the options lay over the files; raises UsageError."""
    from promptlab.live.said import changes_said  # noqa: PLC0415

    if len(dict(options["inputs"])) < len(options["inputs"]):
        raise UsageError("-i gives the same input twice")
    return changes_said(options)


def chosen(options: Mapping[str, Any]) -> "RunRequest":
    """Give which trials are wanted, and within which bounds."""
    from promptlab.live.said import request_said  # noqa: PLC0415

    return request_said(options)
