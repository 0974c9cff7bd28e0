"""Prompts: listed with what uses them, read, as they were in git and in runs, and what changed."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from promptlab.analysis.line_diff import Hunk, unified
from promptlab.api.answers import tagged_by_content
from promptlab.api.pipelines import file_problem
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.serving.prompts import FoundPrompt, PromptDiff, PromptsDep, PromptText, PromptVersions
from promptlab.schemas.api.prompts import (
    CommitAnswer,
    DiffLineAnswer,
    DiffQuery,
    DiffSide,
    HunkAnswer,
    ListedPrompt,
    PromptDiffAnswer,
    PromptList,
    PromptUserAnswer,
    PromptVersionList,
    PromptVersionText,
    UseAnswer,
    Version,
    VersionsQuery,
    WholePrompt,
)
from promptlab.schemas.pages import PromptUse

router = APIRouter(prefix="/prompts", tags=["prompts"])

type Name = Annotated[
    str,
    Path(
        description="Its path below `prompts/`, or in the project.", max_length=1000, examples=["classify.j2"]
    ),
]


@router.get("", response_model=PromptList, responses=NOT_MODIFIED)
def list_prompts(request: Request, prompts: PromptsDep) -> Response:
    """List the templates below `prompts/`, and others that pipelines name, with the steps that use each."""
    return tagged_by_content(
        request, PromptList(prompts=[ListedPrompt(**_facts(one)) for one in prompts.all()])
    )


@router.get("/{name:path}/versions", response_model=PromptVersionList, responses=NOT_MODIFIED)
def list_versions(
    name: Name, query: Annotated[VersionsQuery, Query()], request: Request, prompts: PromptsDep
) -> Response:
    """List how a prompt was: by the commits that changed it, and by the texts that runs used."""
    found = prompts.versions(
        name, after_commit=query.after_commit, after_use=query.after_use, limit=query.limit
    )
    return tagged_by_content(request, _versions(found))


@router.get("/{name:path}/versions/{version:path}", response_model=PromptVersionText, responses=NOT_MODIFIED)
def read_version(
    name: Name,
    version: Annotated[Version, Path(description="A commit, the hash of a text, or `working`.")],
    request: Request,
    prompts: PromptsDep,
) -> Response:
    """Read a prompt as it was in a commit, or as runs used it."""
    found = prompts.text(name, version)
    return tagged_by_content(request, _text(found))


@router.get("/{name:path}/diff", response_model=PromptDiffAnswer, responses=NOT_MODIFIED)
def read_diff(
    name: Name, query: Annotated[DiffQuery, Query()], request: Request, prompts: PromptsDep
) -> Response:
    """Say what changed in a prompt from one version to another."""
    return tagged_by_content(request, _diff(prompts.diff(name, query.before, query.after)))


@router.get("/{name:path}", response_model=WholePrompt, responses=NOT_MODIFIED)
def read_prompt(name: Name, request: Request, prompts: PromptsDep) -> Response:
    """Read a prompt as it is on disk: its text, what uses it, and what is wrong in it."""
    found = prompts.one(name)
    problems = prompts.problems(found.path)
    whole = WholePrompt(
        **_facts(found),
        text=prompts.text(name).text,
        problems=[file_problem(problem) for problem in problems],
        more_problems=problems.more,
    )
    return tagged_by_content(request, whole)


def _facts(found: FoundPrompt) -> dict[str, Any]:
    return {
        "name": found.name,
        "path": found.path,
        "size": found.size,
        "hash": found.digest,
        "front_matter": found.front,
        "users": [PromptUserAnswer(**asdict(user)) for user in found.users],
        "includes": [*found.includes],
        "included_by": [*found.included_by],
    }


def _versions(found: PromptVersions) -> PromptVersionList:
    commits = [{**asdict(one), "hash": one.digest} for one in found.commits.commits]
    return PromptVersionList(
        name=found.name,
        path=found.path,
        working=found.working,
        commits=[CommitAnswer(**{name: one[name] for name in CommitAnswer.model_fields}) for one in commits],
        next_commit=found.commits.next,
        uses=[_use(use) for use in found.uses.uses],
        next_use=found.uses.next,
    )


def _use(use: PromptUse) -> UseAnswer:
    return UseAnswer(
        hash=use.digest,
        runs=use.runs,
        pipelines=[*use.pipelines],
        commits=[*use.commits],
        first_run=use.first.id,
        first_at=use.first.started_at,
        last_run=use.last.id,
        last_at=use.last.started_at,
    )


def _text(found: PromptText) -> PromptVersionText:
    return PromptVersionText(
        name=found.name, path=found.path, version=found.version, hash=found.digest, text=found.text
    )


def _diff(found: PromptDiff) -> PromptDiffAnswer:
    names = (f"{found.path}\t{side.version}" for side in (found.before, found.after))
    return PromptDiffAnswer(
        path=found.path,
        before=_side(found.before),
        after=_side(found.after),
        unified=unified(found.hunks, *names),
        hunks=[_hunk(hunk) for hunk in found.hunks],
    )


def _side(text: PromptText) -> DiffSide:
    return DiffSide(version=text.version, hash=text.digest)


def _hunk(hunk: Hunk) -> HunkAnswer:
    return HunkAnswer(
        before_line=hunk.before,
        before_lines=hunk.before_lines,
        after_line=hunk.after,
        after_lines=hunk.after_lines,
        lines=[DiffLineAnswer(kind=line.kind, text=line.text) for line in hunk.lines],
    )
