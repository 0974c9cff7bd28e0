"""`promptlab recordings check`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines


@click.command(cls=Command, epilog="Example: promptlab recordings check --json")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE…]", shell_complete=complete_pipelines)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], *, as_json: bool) -> int:
    """Say which recordings pipelines (default: all) lack, and which nobody needs.

    All trials are walked with recordings alone as answers. Nothing is called or written, and none of the
    project's python runs. The exit code is 1 where a recording is missing or stale.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.recording_check import check  # noqa: PLC0415

    return check(project_at(root, pipelines[0] if pipelines else None), pipelines, as_json=as_json)
