"""Finds what a git change touches: loads both trees and compares their pipelines one by one."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.engine.call_log import MemoryCallLog, RecordedAnswers
from promptlab.engine.rendering import Renderer
from promptlab.live.affected.base import BaseProject, Broken
from promptlab.live.affected.comparing import Comparison, Means
from promptlab.live.affected.rerecorded import add_rebased, add_rerecorded
from promptlab.live.affected.sides import Side
from promptlab.live.affected.telling import Told, removed, told_of, whole
from promptlab.live.project_log import has_log, look_into_log
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.git_tree import GitTree
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.schemas.affected import Affected, AffectedTrials, PipelineChange, Why
from promptlab.services.git import Base, base_of

SHORT = 10

type Answers = tuple[RecordedAnswers, bool]
type Pair = tuple[LoadedPipeline, LoadedPipeline | Broken | None]


@frozen(kw_only=True)
class Since:
    """What to compare with: where HEAD parted from `ref`. `model`, `changes`: what flags say of both sides.

    `with_removed`: tell of pipelines that are there no more.
    """

    ref: str
    model: str | None = None
    changes: Changes = NO_CHANGES
    with_removed: bool = False


@frozen
class Finding:
    """What is affected, and by the path of a pipeline which of its trials are."""

    affected: Affected
    trials: dict[str, AffectedTrials]


def find_affected(
    project: Project, loaded: Sequence[LoadedPipeline], since: Since, memory: LoadingMemory | None = None
) -> Finding:
    """Compare pipelines with what they were. Nothing is called, run, written or checked out.

    Where the project has a run log, its answers tell whether what hangs on others comes out as it did.
    `memory`: that with which the pipelines were loaded, of what need not be found out again.

    Raises UsageError where git cannot say what they were, and StorageError.
    """
    if memory is None:
        with LoadingMemory() as fresh:
            return find_affected(project, loaded, since, fresh)
    base = base_of(project.root, since.ref)
    with GitTree(project.root, base.commit, base.prefix.removesuffix("/")) as tree:
        was = BaseProject(project, tree, since.model, since.changes, memory)
        search = _Search(base, was, project.files, {*project.pipelines(), *(one.path for one in loaded)})
        pairs = [(head, search.before(head)) for head in loaded]
        found = asyncio.run(search.all(project, pairs))
        gone = list(search.removed(loaded)) if since.with_removed else []
    changes = [*(change for change, _ in found), *gone]
    trials = {change.path: trials for change, trials in found}
    return Finding(
        Affected(ref=since.ref, commit=base.commit, has_parted=base.has_parted, pipelines=changes), trials
    )


@frozen
class _Search:
    base: Base
    was: BaseProject
    files: ProjectFiles
    paths: Collection[str]

    async def all(self, project: Project, pairs: Sequence[Pair]) -> list[Told]:
        with _answers(project) as (answers, has_answers):
            async with Renderer() as renderer:
                means = Means(log=answers, render=renderer.render, has_answers=has_answers)
                return [await self._one(head, before, means) for head, before in pairs]

    def before(self, head: LoadedPipeline) -> LoadedPipeline | Broken | None:
        """Give the pipeline as it was; None where there was none."""
        if self.was.has(head.path):
            return self.was.pipeline(head.path)
        return next((one for one in self.was.gone(self.paths) if one.name == head.name), None)

    async def _one(self, head: LoadedPipeline, before: LoadedPipeline | Broken | None, means: Means) -> Told:
        if before is None:
            return whole(head, "new", Why("new pipeline"))
        if isinstance(before, Broken):
            reason = f"{self.base.commit[:SHORT]} cannot be loaded: {before.reason}"
            return whole(head, "changed", Why("base", reason))
        changed = self.base.changed
        comparison = Comparison(Side(head, changed), Side(before, changed), means)
        await comparison.run()
        await add_rerecorded(comparison, means.render, self.files, changed)
        add_rebased(comparison, changed)
        return told_of(comparison)

    def removed(self, loaded: Sequence[LoadedPipeline]) -> Iterator[PipelineChange]:
        names = {one.name for one in loaded}
        for one in self.was.gone(self.paths):
            if one.name not in names:
                yield removed(one.path, one.name)


@contextmanager
def _answers(project: Project) -> Iterator[Answers]:
    """Give what is on record, and whether there is anything; a log of another version is left alone."""
    with ExitStack() as stack:
        if not has_log(project):
            yield MemoryCallLog(), False
            return
        from promptlab.live.recall import AllRuns, Recaller  # noqa: PLC0415 - SQLAlchemy is slow to import

        try:
            log = stack.enter_context(look_into_log(project))
        except UsageError:
            yield MemoryCallLog(), False
            return
        recaller = stack.enter_context(closing(Recaller(log, "")))
        yield AllRuns(recaller), recaller.answers() > 0
