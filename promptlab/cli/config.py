"""`promptlab config`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at
from promptlab.core.config import Setting
from promptlab.core.json import plain


@click.command(cls=Command, epilog="Example: promptlab config --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, *, as_json: bool) -> None:
    """Print each setting and where it came from; secrets are masked."""
    project = project_at(root)
    found = Setting("project", str(project.root), "--project" if root is not None else "found")
    settings = [found, *project.settings.rows()]
    if as_json:
        values = [
            {"name": line.name, "value": line.value or None, "origin": line.origin} for line in settings
        ]
        click.echo(plain({"schema_version": 1, "settings": values}))
        return
    from promptlab.cli.console import out_console  # noqa: PLC0415
    from promptlab.cli.tables import Grid, show_grid  # noqa: PLC0415

    rows = [[line.name, line.value or "–", line.origin] for line in settings]
    show_grid(out_console(), Grid(header=("setting", "value", "from"), rows=rows))
