"""`promptlab watch`."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli.choosing import changes, choosing_again, chosen
from promptlab.cli.commands import Command

if TYPE_CHECKING:
    from promptlab.live.running import RunRequest

UNSAID: tuple[object, ...] = (None, False, (), "retry")


@click.command(cls=Command, epilog="Example: promptlab watch support_triage --limit 20 --max-cost 0.50")
@choosing_again
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="What to do about a request that left and was never answered.",
)
@click.option("--note", help="A note that is kept with each run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn, one a line.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], *, as_json: bool, **options: Any) -> int:
    """Run pipelines (default: all), and again whatever a saved file changes of them.

    What was answered before is recalled. --max-cost is a ceiling for all that is spent until the watch ends.
    In a terminal: a runs all again, f what failed, p pauses, q quits; A and F buy anew.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.watching import watch  # noqa: PLC0415

    project = project_at(root, pipelines[0] if pipelines else None)
    model, laid_over = options["model"], changes(options)
    return watch(project, pipelines, model, laid_over, _request(options), as_json=as_json)


def _request(options: dict[str, Any]) -> "RunRequest":
    from promptlab.core.json import plain  # noqa: PLC0415

    said = {name: value for name, value in options.items() if value not in UNSAID}
    return replace(
        chosen(options),
        on_unknown=options["on_unknown"],
        note=options["note"],
        said=json.loads(plain(said)),
    )
