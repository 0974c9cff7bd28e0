"""`promptlab plan`."""

from typing import Any

import click

from promptlab.cli.choosing import changes, choosing, chosen
from promptlab.cli.commands import Command


@click.command(cls=Command, epilog="Example: promptlab plan support_triage --limit 5 --max-cost 0.10")
@choosing
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], **options: Any) -> int:
    """Say what a run would call, recall and skip, and what it would cost.

    Nothing is called, run or written. "open" are calls that hang on an answer that is not there yet: they
    count as calls in the worst case.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.planning import WantedPlan, plan_all  # noqa: PLC0415

    wanted = WantedPlan(
        pipelines, options["model"], changes(options), chosen(options), as_json=options["as_json"]
    )
    return plan_all(project_at(root, pipelines[0]), wanted)
