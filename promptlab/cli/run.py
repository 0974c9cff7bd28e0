"""`promptlab run`."""

import json
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from promptlab.cli.choosing import changes, choosing, chosen
from promptlab.cli.commands import Command
from promptlab.cli.showing import showing

SHOWN_ONLY = ("explain",)


@click.command(cls=Command, epilog="Example: promptlab run support_triage --limit 5 --variant few-shot")
@choosing
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="What to do about a request that left and was never answered.",
)
@click.option(
    "--explain",
    count=True,
    help="Say why each call was made rather than recalled; twice: of each row by itself.",
)
@click.option("--note", help="A note that is kept with the run.")
@showing
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], **options: Any) -> int:
    """Run pipelines: every row, in every variant, with every check."""
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.running import Wanted, run_all  # noqa: PLC0415

    wanted = Wanted(
        references=pipelines,
        model=options["model"],
        changes=changes(options),
        request=_request(options),
        outs=options["outs"],
        as_json=options["as_json"],
        fail_exit_code=options["fail_exit_code"],
        explain=options["explain"],
    )
    return run_all(project_at(root, pipelines[0]), wanted)


def _request(options: dict[str, Any]) -> Any:
    from promptlab.core.json import plain  # noqa: PLC0415

    context = click.get_current_context()
    said = {
        name: value
        for name, value in options.items()
        if name not in SHOWN_ONLY and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return replace(
        chosen(options),
        on_unknown=options["on_unknown"],
        streams=options["stream"],
        fail_fast=options["fail_fast"],
        note=options["note"],
        said=json.loads(plain(said)),
    )
