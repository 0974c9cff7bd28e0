"""`promptlab resume`."""

from typing import TYPE_CHECKING, Any

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.showing import showing
from promptlab.cli.types import positive

if TYPE_CHECKING:
    from promptlab.live.resuming import How


@click.command(cls=Command, epilog="Example: promptlab resume last --max-cost 2")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    help="What to do about a request that left and was never answered; default: as the run.",
)
@click.option(
    "--max-cost", type=positive(float), metavar="USD", help="Stop before the whole run has cost more."
)
@click.option("--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls at once a model.")
@click.option("--no-python", is_flag=True, help="Refuse to run the project's python.")
@showing
@click.pass_obj
def command(root: str | None, /, run: str, **options: Any) -> int:
    """Finish a run that was killed, interrupted or limited, or whose trials errored.

    RUN is an id, a unique start of one, or `last`. What is on record is not done again; the run keeps its
    id and its options. It is refused where a file of the run has changed: `promptlab run` gets there then.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.resuming import resume  # noqa: PLC0415

    return resume(
        project_at(root),
        run,
        _how(options),
        outs=options["outs"],
        as_json=options["as_json"],
        fail_exit_code=options["fail_exit_code"],
    )


def _how(options: dict[str, Any]) -> "How":
    from promptlab.live.resuming import How  # noqa: PLC0415

    return How(
        on_unknown=options["on_unknown"],
        max_cost=options["max_cost"],
        max_concurrency=options["max_concurrency"],
        python_allowed=not options["no_python"],
        fail_fast=options["fail_fast"],
        streams=options["stream"],
    )
