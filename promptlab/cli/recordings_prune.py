"""`promptlab recordings prune`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines


@click.command(cls=Command, epilog="Example: promptlab recordings prune support_triage --yes")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE…]", shell_complete=complete_pipelines)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], *, yes: bool) -> int:
    """Take away the recordings that no trial of a pipeline (default: all) comes to.

    What goes is said first. A pipeline that lacks recordings is refused: what it will need cannot be told.
    Without PIPELINE, folders in recordings/ that belong to no pipeline go too.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.recording_prune import prune  # noqa: PLC0415
    from promptlab.cli.removing import require_consent_is_possible  # noqa: PLC0415

    require_consent_is_possible(yes=yes)
    return prune(project_at(root, pipelines[0] if pipelines else None), pipelines, yes=yes)
