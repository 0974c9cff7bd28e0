"""`promptlab run`."""

from dataclasses import replace
from typing import Any

import click

from promptlab.cli.choosing import MODE, ON_UNKNOWN, changes, choosing, chosen, said
from promptlab.cli.commands import Command
from promptlab.cli.showing import showing
from promptlab.cli.slicing import BY

SHOWN_ONLY = ("explain", "by")


@click.command(cls=Command, epilog="Example: promptlab run support_triage --limit 5 --variant few-shot")
@choosing
@ON_UNKNOWN
@MODE
@click.option(
    "--explain",
    count=True,
    help="Say why each call was made rather than recalled; twice: of each row by itself.",
)
@BY
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
        by=options["by"],
    )
    return run_all(project_at(root, pipelines[0]), wanted)


def _request(options: dict[str, Any]) -> Any:
    return replace(
        chosen(options),
        streams=options["stream"],
        fail_fast=options["fail_fast"],
        note=options["note"],
        said=said(options, leaving_out=SHOWN_ONLY),
    )
