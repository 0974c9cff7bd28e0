"""Says which recordings are missing and which are stale."""

from collections.abc import Sequence

import click

from promptlab.cli.loading import named_or_all
from promptlab.cli.recording_view import needs_of, stale_of, told_lines
from promptlab.core.display import escaped
from promptlab.core.json import plain
from promptlab.live.needed import Needed
from promptlab.loader.project import Project

RECORDINGS_VERSION = 1

type Found = tuple[Needed, Sequence[str] | None]


def check(project: Project, references: Sequence[str], *, as_json: bool) -> int:
    """Show what is missing and stale; give 1 where anything is."""
    paths = named_or_all(project, references)
    needs = needs_of(project, paths)
    found = [(one, stale_of(project, one, needs)) for one in needs if one.path in paths]
    if as_json:
        click.echo(
            plain({"schema_version": RECORDINGS_VERSION, "pipelines": [_object(one) for one in found]})
        )
    else:
        for one, stale in found:
            for line in told_lines(one, stale):
                click.echo(escaped(line))
    return 1 if any(one.missing or stale for one, stale in found) else 0


def _object(found: Found) -> dict[str, object]:
    one, stale = found
    return {**one.as_json(), "stale": stale}
