"""Takes away the recordings that nobody needs; says first which these are."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click

from promptlab.cli.loading import named_or_all
from promptlab.cli.recording_view import names_by_path, needs_of, stale_of
from promptlab.core.display import escaped
from promptlab.core.errors import StorageError, UsageError
from promptlab.core.words import plural
from promptlab.live.needed import Needed
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings, recorded_pipelines, recording_path
from promptlab.services.commands import update_command

NAMED = 10


def prune(project: Project, references: Sequence[str], *, yes: bool) -> int:
    """Remove what is stale, once somebody agreed; give 0."""
    needs = needs_of(project, named_or_all(project, references))
    gone = sorted({path for one in needs for path in _stale(project, one, needs)})
    if not references:
        gone += _orphans(project, needs)
    if not gone:
        click.echo("there is nothing to delete", err=True)
        return 0
    _say(gone)
    if not yes and not click.confirm("delete this?", err=True):
        click.echo("nothing was deleted", err=True)
        return 0
    for path in gone:
        _remove(project.root / path, project.root)
    click.echo(f"deleted {plural(len(gone), 'recording')}", err=True)
    return 0


def _stale(project: Project, one: Needed, needs: Sequence[Needed]) -> list[str]:
    if one.missing:
        missing = plural(len(one.missing), "answer")
        hint = f"with a key, this records what is missing: {update_command(one.path)}"
        raise UsageError(
            f"{one.path} lacks {missing}, so that what it needs cannot be told; nothing was deleted",
            hint=hint,
        )
    stale = stale_of(project, one, needs)
    if stale is None:
        click.echo(escaped(f"{one.path}: left as it is, what `select-best` asks cannot be told"), err=True)
    return stale or []


def _orphans(project: Project, needs: Sequence[Needed]) -> Iterator[str]:
    """Give the recordings in folders that are no pipeline's."""
    known = {*names_by_path(project).values(), *(one.pipeline for one in needs)}
    for name in recorded_pipelines(project.files):
        if name not in known:
            for fingerprint in Recordings(project.files, name).fingerprints():
                yield recording_path(name, fingerprint)


def _say(gone: Sequence[str]) -> None:
    for path in gone[:NAMED]:
        click.echo(f"  {escaped(path)}", err=True)
    if len(gone) > NAMED:
        click.echo(f"  … and {len(gone) - NAMED:,} more", err=True)
    click.echo(f"this takes away {plural(len(gone), 'recording')}", err=True)


def _remove(path: Path, root: Path) -> None:
    """Remove a file, and the folders that it leaves empty; raises StorageError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    with suppress(OSError):  # a folder that holds more stays
        for folder in (path.parent, path.parent.parent):
            if folder.is_relative_to(root / "recordings") and folder != root / "recordings":
                folder.rmdir()
