"""`promptlab db current`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at
from promptlab.core.json import plain


@click.command(cls=Command, epilog="Example: promptlab db current")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, *, as_json: bool) -> None:
    """Print the revision of the run log's tables; changes nothing."""
    from promptlab.live.project_log import log_location  # noqa: PLC0415
    from promptlab.models import REVISION  # noqa: PLC0415
    from promptlab.services.run_log import revision_of  # noqa: PLC0415

    revision = revision_of(log_location(project_at(root)))
    if as_json:
        click.echo(plain({"schema_version": 1, "revision": revision, "newest": REVISION}))
    elif revision is None:
        click.echo("there is no run log yet", err=True)
    else:
        click.echo(
            f"{revision} (the newest)" if revision == REVISION else f"{revision}; the newest: {REVISION}"
        )
