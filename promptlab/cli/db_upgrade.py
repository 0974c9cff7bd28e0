"""`promptlab db upgrade`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at


@click.command(cls=Command, epilog="Example: promptlab db upgrade")
@click.pass_obj
def command(root: str | None, /) -> None:
    """Bring the run log to the newest tables; an older SQLite file is backed up beside it first."""
    from promptlab.live.project_log import log_location, open_log  # noqa: PLC0415
    from promptlab.models import REVISION  # noqa: PLC0415
    from promptlab.services.run_log import revision_of  # noqa: PLC0415

    project = project_at(root)
    before = revision_of(log_location(project))
    with open_log(project, upgrade=True) as log:
        name = log.name
    if before == REVISION:
        click.echo(f"{name} is at the newest revision, {REVISION}", err=True)
    else:
        click.echo(f"{name}: from {before or 'nothing'} to {REVISION}", err=True)
