"""The options that say what is run, and with what: shared by the commands that run and those that plan."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from promptlab.cli.completing import complete_pipelines, complete_refs, complete_runs
from promptlab.cli.types import PairType, positive
from promptlab.core.errors import UsageError

if TYPE_CHECKING:
    from promptlab.core.json import JSON
    from promptlab.live.running import RunRequest
    from promptlab.loader.changes import Changes

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FAILED = click.option(
    "--failed",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Only what failed or errored in this run.",
)
SINCE = click.option(
    "--since",
    metavar="REF",
    shell_complete=complete_refs,
    help="Only what a change touches: see `promptlab affected`.",
)
ON_UNKNOWN = click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="What to do about a request that left and was never answered.",
)
MODE = click.option(
    "--mode",
    type=click.Choice(["live", "record", "replay"]),
    default="live",
    show_default=True,
    help="record: write answers as files; replay: use those alone, and call nothing.",
)
FRESH = click.option("--fresh", is_flag=True, help="Recall nothing that was recorded before.")
VARIANT = click.option(
    "--variant", "variants", multiple=True, metavar="V", help="Only this variant, or the cell of this name."
)
TAG = click.option("--tag", "tags", multiple=True, metavar="T", help="Only rows or pipelines with this tag.")
WHERE = click.option("--where", metavar="EXPR", help="Only rows for which this holds: \"tier == 'pro'\".")
LIMIT = click.option("--limit", type=positive(int), metavar="N", help="Only the first N rows.")
MAX_CONCURRENCY = click.option(
    "--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls at once a model."
)
MAX_COST = click.option(
    "--max-cost", type=positive(float), metavar="USD", help="Stop before more than this is spent."
)
OF_RECORDS: tuple[Decorator, ...] = (
    VARIANT,
    TAG,
    WHERE,
    LIMIT,
    FAILED,
    SINCE,
    MAX_CONCURRENCY,
    MAX_COST,
    FRESH,
)
OPTIONS: tuple[Decorator, ...] = (
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
    VARIANT,
    TAG,
    WHERE,
    LIMIT,
    FAILED,
    SINCE,
    click.option(
        "--repeat",
        type=positive(int),
        metavar="N",
        help="Run each row N times in each cell; where rows are repeated until decided, at most.",
    ),
    MAX_CONCURRENCY,
    MAX_COST,
    FRESH,
    click.option("--no-python", is_flag=True, help="Refuse to run the project's python."),
)


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the pipelines, and the options that choose what is run."""
    return _with((_pipelines(required=True), *OPTIONS), command)


def choosing_any(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same where it is all pipelines unless some are named."""
    return _with((_pipelines(required=False), *OPTIONS), command)


def choosing_again(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same for a command that runs again and again: without pipelines it is all of them."""
    options = (option for option in OPTIONS if option not in (FAILED, SINCE, FRESH))
    return _with((_pipelines(required=False), *options), command)


def choosing_records(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those that choose what is recorded; pipelines are recorded as their files say them."""
    return _with((_pipelines(required=False), *OF_RECORDS), command)


def _pipelines(*, required: bool) -> Decorator:
    metavar = "PIPELINE…" if required else "[PIPELINE…]"
    return click.argument(
        "pipelines", nargs=-1, required=required, metavar=metavar, shell_complete=complete_pipelines
    )


def _with(decorators: Sequence[Decorator], command: Callable[..., Any]) -> Callable[..., Any]:
    for decorator in reversed(decorators):
        command = decorator(command)
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


def said(options: Mapping[str, Any], *, leaving_out: Collection[str] = ()) -> "dict[str, JSON]":
    """Give those of the options that the command line itself says, as the log keeps them."""
    from promptlab.core.json import plain  # noqa: PLC0415

    source = click.get_current_context().get_parameter_source
    kept = {
        name: value
        for name, value in options.items()
        if name not in leaving_out and source(name) is ParameterSource.COMMANDLINE
    }
    found: dict[str, JSON] = json.loads(plain(kept))
    return found
