"""Compares pipelines as they are with what they were in a commit."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import click

from promptlab.analysis.comparison import Comparison
from promptlab.cli.compare_view import how_many_told, show_comparison
from promptlab.cli.console import out_console
from promptlab.cli.loading import Loaded, load_all, load_whole
from promptlab.cli.output import put_out
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.json import plain
from promptlab.live.against.base_sides import BaseSides
from promptlab.live.against.compared import commit_and_here
from promptlab.live.comparing import compare
from promptlab.live.project_log import has_log, open_log
from promptlab.live.running import RunRequest
from promptlab.loader.changes import NO_CHANGES
from promptlab.loader.project import Project

SCHEMA_VERSION = 1


def compare_commit(
    project: Project,
    ref: str,
    *,
    pipelines: Sequence[str],
    variant: str | None,
    against: str | None,
    flips: int | None,
    no_python: bool,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Compare pipelines, or all of them, and print what there is to say. Raises UsageError."""
    told = how_many_told(flips, as_json=as_json, as_markdown=as_markdown)
    loaded = (
        load_all(project, pipelines, None, NO_CHANGES) if pipelines else load_whole(project, None, NO_CHANGES)
    )
    request = RunRequest(mode="replay", python_allowed=not no_python)
    found = list(_comparisons(project, ref, loaded, request, (variant, against), told))
    if not found:
        raise UsageError(f"there is nothing to compare with {ref}")
    if as_json:
        click.echo(plain({"schema_version": SCHEMA_VERSION, "comparisons": [one.as_json() for one in found]}))
    elif as_markdown:
        from promptlab.reports.comparison_markdown import markdown  # noqa: PLC0415

        put_out([markdown(one) for one in found], None)
    else:
        _show(found)


def _show(found: Sequence[Comparison]) -> None:
    console = out_console()
    for number, one in enumerate(found):
        if number:
            console.print()
        show_comparison(console, one)


def _comparisons(
    project: Project,
    ref: str,
    loaded: Sequence[Loaded],
    request: RunRequest,
    cells: tuple[str | None, str | None],
    told: int,
) -> Iterator[Comparison]:
    """Compare each pipeline; say of those that cannot be why."""
    with ExitStack() as stack:
        log = stack.enter_context(open_log(project, create=False)) if has_log(project) else None
        try:
            sides = stack.enter_context(BaseSides(project, ref, log, request))
        except UsageError as error:
            raise UsageError(f"there is no run '{ref}', and {error.message}", hint=error.hint) from None
        for head, _ in loaded:
            found = commit_and_here(sides, head)
            if isinstance(found, str):
                click.echo(f"{head.name}: {escaped(found)}", err=True)
                continue
            try:
                yield compare(*found, variant=cells[0], against=cells[1], told=told)
            except UsageError as error:
                if len(loaded) == 1:
                    raise
                click.echo(f"{head.name}: {escaped(str(error))}", err=True)
