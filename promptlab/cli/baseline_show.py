"""`promptlab baseline show`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines


@click.command(cls=Command, epilog="Example: promptlab baseline show support-triage")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE…]", shell_complete=complete_pipelines)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], *, as_json: bool) -> None:
    """Show the means of each metric in each cell of the baselines: of these pipelines, else of all."""
    from promptlab.cli.baseline_view import show_baselines  # noqa: PLC0415
    from promptlab.cli.opening import project_at  # noqa: PLC0415

    show_baselines(project_at(root, pipelines[0] if pipelines else None), pipelines, as_json=as_json)
