"""What the shell offers: names of pipelines and ids of runs. Whatever goes wrong, it offers nothing."""

from contextlib import suppress
from itertools import islice

import click

MOST_RUNS = 30


def complete_pipelines(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Give pipelines by name, or by path once a path was begun."""
    with suppress(Exception):
        from pathlib import PurePosixPath  # noqa: PLC0415

        from promptlab.cli.opening import project_at  # noqa: PLC0415

        paths = project_at(_root(ctx)).pipelines()
        known = paths if "/" in incomplete else [PurePosixPath(path).stem for path in paths]
        return [name for name in known if name.startswith(incomplete)]
    return []


def complete_runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Give `last` and the ids of the newest runs."""
    with suppress(Exception):
        from promptlab.cli.opening import project_at, stored  # noqa: PLC0415

        with stored(project_at(_root(ctx))) as found:
            ids = [run.id for run in found.runs.newest(limit=MOST_RUNS)]
        return [name for name in ("last", *ids) if name.startswith(incomplete)]
    return []


def complete_columns(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Give `$tags` and the columns of the first row of the run that the line names, else of the last."""
    with suppress(Exception):
        from promptlab.cli.opening import project_at, stored  # noqa: PLC0415
        from promptlab.services.trials import TrialService  # noqa: PLC0415

        with stored(project_at(_root(ctx))) as found:
            run = found.runs.find(ctx.params.get("run") or "last")
            trials = TrialService(found.session).of_run(run.id)
            names = sorted({name for trial in islice(trials, 1) for name in (*trial.inputs, *trial.columns)})
        return [name for name in ("$tags", *names) if name.startswith(incomplete)]
    return []


def complete_refs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Give the branches and tags of the repository."""
    with suppress(Exception):
        from promptlab.cli.opening import project_at  # noqa: PLC0415
        from promptlab.services.git import refs  # noqa: PLC0415

        return [name for name in refs(project_at(_root(ctx)).root) if name.startswith(incomplete)]
    return []


def complete_runs_and_refs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Give runs, then branches and tags."""
    return [*complete_runs(ctx, param, incomplete), *complete_refs(ctx, param, incomplete)]


def _root(ctx: click.Context) -> str | None:
    root: str | None = ctx.find_root().params.get("project")
    return root
