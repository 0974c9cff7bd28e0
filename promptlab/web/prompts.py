"""Prompts: their list, and one with its text, who uses it, and how it was."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.live.serving.prompts import WORKING, AskedPrompts, FoundPrompt, PromptsDep, PromptVersions
from promptlab.schemas.api.page_queries import PromptView
from promptlab.web.diffs import diff_view
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.pipelines import address_of, address_of_prompt
from promptlab.web.source import source_part
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/prompts")

SHORT = 10  # characters of a commit or hash that are shown
VERSIONS = 30


@frozen(kw_only=True)
class VersionLine:
    """A version that can be chosen. `id`: its name in addresses; `digest`: of its text, if it has one."""

    id: str
    label: str
    about: str
    by: str
    when: Any
    digest: str | None


@router.get("")
def list_prompts(prompts: PromptsDep, request: Request) -> Response:
    return page(request, "prompts.html.j2", prompts=prompts.all(), address_of=address_of, **TEXTS)


@router.get("/{name:path}")
def show_prompt(
    name: Annotated[str, Path(max_length=1000)],
    query: Annotated[PromptView, Query()],
    prompts: PromptsDep,
    request: Request,
) -> Response:
    versions = prompts.versions(
        name, after_commit=query.after_commit, after_use=query.after_use, limit=VERSIONS
    )
    path, found = versions.path, _on_disk(prompts, name)
    is_diff = query.before is not None
    return page(
        request,
        "prompt.html.j2",
        name=versions.name,
        path_of_prompt=path,
        here=address_of_prompt(path),
        found=found,
        query=query,
        address_of=address_of,
        address_of_prompt=address_of_prompt,
        versions=versions,
        lines=list(_lines(versions)),
        compared=_compared(prompts, name, query) if is_diff else None,
        other_view=changed(request, view="unified" if query.view == "split" else "split"),
        older_commits=_following(request, "after_commit", versions.commits.next),
        older_uses=_following(request, "after_use", versions.uses.next),
        **({"part": None, "problems": []} if is_diff else _text(prompts, name, found, query)),
        **TEXTS,
    )


def _on_disk(prompts: AskedPrompts, name: str) -> FoundPrompt | None:
    try:
        return prompts.one(name)
    except NotFound:
        return None


def _text(prompts: AskedPrompts, name: str, found: FoundPrompt | None, query: PromptView) -> dict[str, Any]:
    """Give the text of the version that is asked for; of the one on disk with what is wrong in it."""
    version = query.version or WORKING
    if version == WORKING and found is None:
        return {"part": None, "problems": []}
    is_working = version == WORKING and found is not None
    problems = list(prompts.problems(found.path)) if is_working and found is not None else []
    text = prompts.text(name, version)
    own = [problem for problem in problems if problem.file == text.path]
    links = {one: address_of_prompt(one) for one in (found.includes if found else ())}
    return {
        "part": source_part(text.text, query.line, language="template", problems=own, links=links),
        "problems": own,
    }


def _compared(prompts: AskedPrompts, name: str, query: PromptView) -> Any:
    found = prompts.diff(name, query.before or WORKING, query.after or WORKING)
    return {"before": found.before, "after": found.after, "view": diff_view(found.hunks)}


def _lines(versions: PromptVersions) -> Iterator[VersionLine]:
    """Give what can be chosen: the file on disk, commits, then texts that runs used."""
    if versions.working is not None:
        yield VersionLine(
            id=WORKING, label="on disk", about="as it is now", by="", when=None, digest=versions.working
        )
    for commit in versions.commits.commits:
        yield VersionLine(
            id=commit.commit,
            label=commit.commit[:SHORT],
            about=commit.subject,
            by=commit.author,
            when=commit.date,
            digest=commit.digest,
        )


def _following(request: Request, name: str, cursor: str | None) -> str | None:
    return changed(request, **{name: cursor}) if cursor else None
