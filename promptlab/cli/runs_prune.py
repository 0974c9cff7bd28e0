"""`promptlab runs prune`."""

from datetime import UTC, datetime, timedelta

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at, stored
from promptlab.cli.removing import remove, require_consent_is_possible
from promptlab.cli.types import Age
from promptlab.core.errors import UsageError


@click.command(cls=Command, epilog="Example: promptlab runs prune --keep 50 --older-than 30d")
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Keep the N newest runs.")
@click.option("--older-than", type=Age(), metavar="AGE", help="Only runs older than this: 30d, 12h, 2w.")
@click.option("--answers", is_flag=True, help="Take away the recorded answers that no run left needs, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    root: str | None, /, keep: int | None, older_than: timedelta | None, *, answers: bool, yes: bool
) -> None:
    """Take old runs, and with --answers what no run needs any more, out of the log."""
    from promptlab.services.removal import RemovalService  # noqa: PLC0415

    if keep is None and older_than is None and not answers:
        raise UsageError("say what to take away: --keep N, --older-than AGE or --answers")
    require_consent_is_possible(yes=yes)
    with stored(project_at(root)) as found:
        ids: tuple[str, ...] = ()
        if keep is not None or older_than is not None:
            before = datetime.now(UTC) - older_than if older_than is not None else None
            removal = RemovalService(found.session, is_running=found.log.is_running)
            ids = removal.older(keep=keep or 0, before=before)
        found.session.rollback()
        remove(found.log, ids, answers=answers, yes=yes)
