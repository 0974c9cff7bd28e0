"""`promptlab compare`."""

from typing import Any

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs


@click.command(cls=Command, epilog="Example: promptlab compare last --variant few-shot --against zero-shot")
@click.argument("a", metavar="A", shell_complete=complete_runs)
@click.argument("b", required=False, metavar="[B]", shell_complete=complete_runs)
@click.option("--variant", metavar="V", help="Only this variant of B, or the cell of this name.")
@click.option("--against", metavar="W", help="Hold it against this variant or cell of A.")
@click.option(
    "--flips",
    type=click.IntRange(0, 10_000),
    metavar="N",
    help="Of how many flipped trials outputs are compared; default: 10, with --json or --markdown 100.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a comment for a pull request.")
@click.pass_obj
def command(root: str | None, /, a: str, b: str | None, **options: Any) -> None:
    """Compare two runs, or two variants of one: an id, a unique start of one, or `last`.

    Rows are paired by id, the repeats of a row averaged. p is two-sided (exact where it can be) and adjusted
    for the whole table by Holm's rule. Nothing is called. The exit code is 0 whatever has changed.
    """
    from promptlab.cli.compare_view import compare_stored  # noqa: PLC0415
    from promptlab.cli.opening import project_at, stored  # noqa: PLC0415

    with stored(project_at(root)) as found:
        compare_stored(found, a, b, **options)
