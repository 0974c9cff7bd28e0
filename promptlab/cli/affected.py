"""`promptlab affected`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines, complete_refs


@click.command(cls=Command, epilog="Example: promptlab affected --since main")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE…]", shell_complete=complete_pipelines)
@click.option(
    "--since", metavar="REF", required=True, shell_complete=complete_refs, help="A branch, tag or commit."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, row ids included.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], since: str, *, as_json: bool) -> int:
    """Say which pipelines, steps and rows a git change touches, and why.

    The working tree is compared with the commit where HEAD parted from REF, by what would be sent and how it
    would be judged, not by paths. Nothing is called, run, written or checked out. The exit code is 0 whether
    or not anything is affected.
    """
    from promptlab.cli.affected_view import show_affected  # noqa: PLC0415
    from promptlab.cli.opening import project_at  # noqa: PLC0415

    start = pipelines[0] if pipelines else None
    return show_affected(project_at(root, start), pipelines, since, as_json=as_json)
