"""A pipeline at a commit, and as it is, as the two sides of a comparison."""

from collections.abc import Collection, Mapping

from promptlab.analysis.comparison import ComparedSide
from promptlab.core.json import canonical
from promptlab.core.words import plural
from promptlab.live.against.base_sides import SHORT, BaseSide, BaseSides
from promptlab.live.comparing import Compared
from promptlab.loader.changes import Changes
from promptlab.loader.check_changes import CheckSources
from promptlab.loader.loading import LoadedPipeline
from promptlab.schemas.compared import Ended, TrialName
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.run import TrialResult

HERE = "the working tree"


class Kept:
    """Call it with each event of a run; keeps its trials whole."""

    def __init__(self) -> None:
        self.trials: list[TrialResult] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self.trials.append(event.result)


def commit_and_here(sides: BaseSides, head: LoadedPipeline) -> tuple[Compared, Compared] | str:
    """Give both sides, or why there is none at the commit."""
    before, now = Kept(), Kept()
    there = sides.side_of(head, listeners=[before])
    if there.missing:
        return there.missing
    here = sides.here_of(head, listeners=[now])
    commit = f"{sides.ref} (commit {there.commit[:SHORT]})"
    return _side(there, before, commit, sides.changes), _side(here, now, HERE, sides.changes)


def _side(side: BaseSide, kept: Kept, called: str, changes: Changes) -> Compared:
    loaded = side.loaded
    assert loaded is not None  # noqa: S101 - only a missing side has none
    ordered = sorted(kept.trials, key=lambda one: one.key.place)
    trials = {_name(one, side.names): one for one in ordered}

    numbers = {name: number for number, name in enumerate(trials)}

    def whole(names: Collection[TrialName]) -> Mapping[TrialName, TrialResult]:
        return {name: trials[name] for name in names}

    lacking = f"{plural(side.lacking, 'row')} without all their answers"
    return Compared(
        side=ComparedSide(
            title=f"{loaded.path} · {called}",
            facts={"pipeline": loaded.name, "path": loaded.path, "git_commit": side.commit or None},
            notes=(lacking,) if side.lacking else (),
        ),
        read_rows=lambda: side.rows,
        ended={name: _ended(one, numbers[name]) for name, one in trials.items()},
        whole=whole,
        lacking=side.lacking,
        sources=lambda: _sources(loaded, changes),
    )


def _name(trial: TrialResult, names: Mapping[str, str]) -> TrialName:
    return trial.key.row_id, names[trial.key.cell], trial.key.repeat


def _ended(trial: TrialResult, number: int) -> Ended:
    outputs = hash(canonical(trial.outputs))
    return Ended(id=number, key=trial.key, status=trial.status, outputs=outputs)


def _sources(loaded: LoadedPipeline, changes: Changes) -> CheckSources:
    contents = {path: one.content for path, one in loaded.files.files_read.items()}
    files = {path: content for path, content in contents.items() if content is not None}
    return CheckSources(files, loaded.path, Changes(sets=changes.sets))
