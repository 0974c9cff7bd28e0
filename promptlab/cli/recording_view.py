"""What the commands on recordings share: what pipelines need, what of it is missing, what nobody needs."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from promptlab.cli.console import progress_console
from promptlab.cli.loading import load_all
from promptlab.cli.result_recordings import missing_lines
from promptlab.cli.trial_count import TrialCount
from promptlab.core.words import plural
from promptlab.live.needed import Needed, needed
from promptlab.live.stale import stale_fingerprints
from promptlab.loader.changes import NO_CHANGES
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.loader.recordings import recording_path
from promptlab.services.commands import update_command

NAMED = 10


def needs_of(project: Project, paths: Sequence[str]) -> list[Needed]:
    """Walk pipelines, and those that have their recordings in the same folder. Raises InvalidPipeline."""
    return [
        _needed(project, loaded)
        for loaded, _ in load_all(project, with_namesakes(project, paths), None, NO_CHANGES)
    ]


def with_namesakes(project: Project, paths: Sequence[str]) -> list[str]:
    """Give these paths and those of pipelines of the same names."""
    names = names_by_path(project)
    wanted = {names.get(path, PurePosixPath(path).stem) for path in paths}
    return list(dict.fromkeys((*paths, *(path for path, name in names.items() if name in wanted))))


def names_by_path(project: Project) -> dict[str, str]:
    """Give what the pipelines of a project are called."""
    return {path: PurePosixPath(path).stem for path in project.pipelines()} | project.names()


def stale_of(project: Project, one: Needed, needs: Sequence[Needed]) -> list[str] | None:
    """Give the recordings of a pipeline that nobody needs, by path; None where that cannot be told yet."""
    found = stale_fingerprints(project, one, needs)
    return None if found is None else [recording_path(one.pipeline, fingerprint) for fingerprint in found]


def told_lines(one: Needed, stale: Sequence[str] | None) -> Iterator[str]:
    """Say what is recorded, what is missing and what is stale, and what to do about it."""
    yield f"{one.pipeline}: {plural(len(one.used), 'recording')} in use, {_rest(one, stale)}"
    yield from missing_lines(one.missing)
    if one.missing:
        yield f"with a key, this records what is missing: {update_command(one.path)}"
    for path in (stale or ())[:NAMED]:
        yield f"  stale: {path}"
    if stale:
        more = [f"  … and {len(stale) - NAMED:,} more"] if len(stale) > NAMED else []
        yield from (*more, f"`promptlab recordings prune {one.path}` takes away what is stale")


def _rest(one: Needed, stale: Sequence[str] | None) -> str:
    if stale is not None:
        return f"{len(one.missing):,} missing, {len(stale):,} stale"
    why = "once nothing is missing" if one.missing else "where `select-best` asks, by a replay alone"
    return f"{len(one.missing):,} missing; what is stale can be told {why}"


def _needed(project: Project, loaded: LoadedPipeline) -> Needed:
    with TrialCount(progress_console(), loaded.name) as count:
        return asyncio.run(needed(project, loaded, progress=count))
