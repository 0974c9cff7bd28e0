"""`promptlab baseline update`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines, complete_runs


@click.command(cls=Command, epilog="Example: promptlab baseline update support-triage --run last")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE…]", shell_complete=complete_pipelines)
@click.option(
    "--run",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Make it from this run; default: the newest one of all that the files say.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], run: str | None, *, as_json: bool) -> None:
    """Write baselines/PIPELINE.json, and say what is different from the file that is there.

    Without pipelines it is those that have a gate `against: baseline`, or a baseline already. A row stands in
    a line, so that a review sees what moved. Nothing is called.
    """
    from promptlab.cli.baseline_view import update_baselines  # noqa: PLC0415
    from promptlab.cli.opening import project_at  # noqa: PLC0415

    update_baselines(project_at(root, pipelines[0] if pipelines else None), pipelines, run, as_json=as_json)
