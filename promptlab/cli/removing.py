"""What `runs delete` and `runs prune` share: they say what goes, and ask."""

import sys
from typing import TYPE_CHECKING

import click

from promptlab.core.errors import UsageError
from promptlab.core.words import plural

if TYPE_CHECKING:
    from promptlab.schemas.log import Removal
    from promptlab.services.run_log import RunLog

MEGABYTE = 1_000_000
SHOWN = 10


def require_consent_is_possible(*, yes: bool) -> None:
    """Raise UsageError at once where nobody could be asked."""
    if not yes and not _is_asked():
        raise UsageError("this deletes, and there is no terminal to ask in", hint="say --yes")


def remove(log: "RunLog", run_ids: tuple[str, ...], *, answers: bool, yes: bool) -> None:
    """Say what goes, ask unless `yes`, and take it away."""
    from promptlab.services.removal import RemovalService  # noqa: PLC0415
    from promptlab.services.sliced_removal import SlicedRemoval  # noqa: PLC0415

    with log.reading() as session:
        removal = RemovalService(session, is_running=log.is_running).preview(run_ids, answers=answers)
    if not (removal.runs or removal.answers):
        click.echo("there is nothing to delete", err=True)
        return
    _say(removal)
    if not yes and not click.confirm("delete this?", err=True):
        click.echo("nothing was deleted", err=True)
        return
    done = SlicedRemoval(log=log).remove(run_ids, answers=answers)
    click.echo(f"deleted {_words(done)}", err=True)
    if any(map(log.is_running, log.lock_owners())):
        click.echo("runs are under way: the space is not given back, later runs fill it", err=True)
    else:
        log.compact()


def _is_asked() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _say(removal: "Removal") -> None:
    for run_id in removal.runs[:SHOWN]:
        click.echo(f"  run {run_id}", err=True)
    if len(removal.runs) > SHOWN:
        click.echo(f"  … and {plural(len(removal.runs) - SHOWN, 'run')} more", err=True)
    click.echo(f"this takes away {_words(removal)}", err=True)


def _words(removal: "Removal") -> str:
    nouns = (
        (len(removal.runs), "run"),
        (removal.trials, "trial"),
        (removal.verdicts, "verdict"),
        (removal.ratings, "rating"),
        (removal.answers, "recorded answer"),
    )
    counted = ", ".join(plural(count, noun) for count, noun in nouns if count)
    kept = "" if removal.answers else "; recorded answers stay for recall"
    return f"{counted} (about {removal.text_bytes / MEGABYTE:.1f} MB of text){kept}"
