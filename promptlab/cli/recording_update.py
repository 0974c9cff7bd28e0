"""Records what pipelines need, then looks whether anything is missing or stale."""

from collections.abc import Sequence

import click

from promptlab.cli.loading import named_or_all
from promptlab.cli.recording_view import needs_of, stale_of, told_lines
from promptlab.cli.running import Wanted, run_all
from promptlab.core.display import escaped
from promptlab.live.running import RunRequest
from promptlab.loader.changes import Changes
from promptlab.loader.project import Project

NOT_PASSED = 1


def update(
    project: Project,
    references: Sequence[str],
    changes: Changes,
    request: RunRequest,
    *,
    is_whole: bool,
    as_json: bool,
) -> int:
    """Run in order to record; give 0 where nothing is missing. `is_whole`: all trials were run."""
    paths = named_or_all(project, references)
    code = run_all(project, Wanted(references=paths, changes=changes, request=request, as_json=as_json))
    if code not in (0, NOT_PASSED):
        return code
    return _look(project, paths) if is_whole else 0


def _look(project: Project, paths: Sequence[str]) -> int:
    """Say on stderr what is still missing, and what is stale."""
    needs = needs_of(project, paths)
    for one in needs:
        for line in told_lines(one, stale_of(project, one, needs)):
            click.echo(escaped(line), err=True)
    return NOT_PASSED if any(one.missing for one in needs) else 0
