"""`python -m promptlab.live.paired.commit_child`: one comparison with a commit, told by and to a server."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from promptlab.core.errors import Conflict, PromptlabError, UsageError
from promptlab.core.words import plural
from promptlab.live.against.base_sides import BaseSides
from promptlab.live.against.compared import commit_and_here
from promptlab.live.comparing import Compared, compare
from promptlab.live.hosting.child import refusal
from promptlab.live.paired.answers import facts_answer, page_answer
from promptlab.live.paired.lineup import line_up
from promptlab.live.paired.paging import PairPages, Read
from promptlab.live.project_log import has_log, open_log
from promptlab.live.running import RunRequest
from promptlab.loader.loading import LoadedPipeline, load_pipeline
from promptlab.loader.project import Project, open_project
from promptlab.schemas.api.compare import ComparisonAnswer, Missing, PairQuery
from promptlab.schemas.run import TrialResult


def main() -> int:
    """Answer what stdin asks, in one JSON document."""
    sys.stdout.write(json.dumps(told(json.loads(sys.stdin.buffer.read()))))
    return 0


def told(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the answer to an order, or why there is none."""
    query = PairQuery.model_validate(order["query"])
    try:
        return {"answer": _answer(order["root"], order["ref"], query).model_dump()}
    except PromptlabError as error:
        return refusal(error)


def _answer(root: str, ref: str, query: PairQuery) -> ComparisonAnswer:
    project = open_project(root=root)
    head = load_pipeline(project.files, _path(project, query.pipeline), project.targets())
    a, b = _sides(project, ref, head)
    missing = [*_missing(a, b, head.path, ref)]
    try:
        found = compare(a, b, variant=query.variant, against=query.against, told=0)
    except UsageError:
        if not missing:
            raise
        raise _nothing_known(missing) from None
    lineup = line_up(a, b, variant=query.variant, against=query.against)
    pages = PairPages(lineup=lineup, read_a=_read(a), read_b=_read(b))
    page = pages.page(query.filter, cursor=query.cursor, limit=query.limit)
    facts = facts_answer(found, missing=missing)
    return ComparisonAnswer(**dict(facts), **dict(page_answer(lineup, page, a=None, b=None)))


def _path(project: Project, pipeline: str | None) -> str:
    if pipeline is not None:
        return project.pipeline(pipeline)
    paths = project.pipelines()
    if len(paths) != 1:
        hint = f"say `pipeline`: {', '.join(PurePosixPath(path).stem for path in paths)}" if paths else None
        raise UsageError("pipeline: there is more than one" if paths else "there is no pipeline", hint=hint)
    return paths[0]


def _sides(project: Project, ref: str, head: LoadedPipeline) -> tuple[Compared, Compared]:
    request = RunRequest(mode="replay", python_allowed=False)
    if not has_log(project):
        return _held(BaseSides(project, ref, None, request), head)
    with open_log(project, create=False) as log:
        return _held(BaseSides(project, ref, log, request), head)


def _held(sides: BaseSides, head: LoadedPipeline) -> tuple[Compared, Compared]:
    with sides:
        found = commit_and_here(sides, head)
    if isinstance(found, str):
        raise UsageError(f"{head.name}: {found}")
    return found


def _missing(a: Compared, b: Compared, path: str, ref: str) -> Iterator[Missing]:
    if a.lacking:
        yield Missing(side="a", rows=a.lacking, command=f"promptlab test {path} --against {ref} --live")
    if b.lacking:
        yield Missing(side="b", rows=b.lacking, command=f"promptlab run {path}")


def _nothing_known(missing: Sequence[Missing]) -> Conflict:
    sides = {"a": "at the commit", "b": "in the working tree"}
    said = ", ".join(f"of {plural(one.rows, 'row')} {sides[one.side]}" for one in missing)
    hint = " and ".join(f"`{one.command}`" for one in missing)
    return Conflict(f"answers are missing {said}; nothing is bought here", hint=f"{hint} buys them")


def _read(side: Compared) -> Read:
    names = {ended.id: name for name, ended in side.ended.items()}

    def read(numbers: Sequence[int]) -> Mapping[int, TrialResult]:
        found = side.whole([names[number] for number in numbers])
        return {number: found[names[number]] for number in numbers}

    return read


if __name__ == "__main__":
    sys.exit(main())
