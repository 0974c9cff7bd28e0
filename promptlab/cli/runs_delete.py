"""`promptlab runs delete`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.opening import project_at, stored
from promptlab.cli.removing import remove, require_consent_is_possible


@click.command(cls=Command, epilog="Example: promptlab runs delete 01m839k2jq --yes")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…", shell_complete=complete_runs)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(root: str | None, /, runs: tuple[str, ...], *, yes: bool) -> None:
    """Take runs with their trials and verdicts out of the log; recorded answers stay for recall."""
    require_consent_is_possible(yes=yes)
    with stored(project_at(root)) as found:
        ids = tuple(dict.fromkeys(found.runs.find(run).id for run in runs))
        found.session.rollback()
        remove(found.log, ids, answers=False, yes=yes)
