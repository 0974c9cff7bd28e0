"""`promptlab watch`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli.choosing import ON_UNKNOWN, changes, choosing_again, chosen, said
from promptlab.cli.commands import Command
from promptlab.cli.where import WHERE, listening, require_serve

if TYPE_CHECKING:
    from promptlab.live.running import RunRequest


@click.command(cls=Command, epilog="Example: promptlab watch support_triage --limit 20 --max-cost 0.50")
@choosing_again
@ON_UNKNOWN
@click.option("--note", help="A note that is kept with each run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a turn, one a line.")
@click.option("--serve", is_flag=True, help="Show each turn in the browser too; prints the address.")
@listening
@click.pass_obj
def command(
    root: str | None, /, pipelines: tuple[str, ...], *, as_json: bool, serve: bool, **options: Any
) -> int:
    """Run pipelines (default: all), and again whatever a saved file changes of them.

    What was answered before is recalled. --max-cost is a ceiling for all that is spent until the watch ends.
    In a terminal: a runs all again, f what failed, p pauses, q quits; A and F buy anew.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.watching import watch  # noqa: PLC0415

    where = {name: value for name in WHERE if (value := options.pop(name)) is not None}
    if not serve:
        require_serve(where)
    project = project_at(root, pipelines[0] if pipelines else None)
    model, laid_over = options["model"], changes(options)
    page = where if serve else None
    return watch(project, pipelines, model, laid_over, _request(options), as_json=as_json, page=page)


def _request(options: dict[str, Any]) -> "RunRequest":
    return replace(chosen(options), note=options["note"], said=said(options))
