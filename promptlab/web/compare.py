"""Two runs beside each other: what moved, and their trials in pairs, flips first."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.live.paired.stored import StoredComparison, TwoRuns
from promptlab.live.serving.asked_comparison import ComparisonsDep
from promptlab.live.serving.depends import LogDep, ProjectDep, SessionDep
from promptlab.loader.project import Project
from promptlab.schemas.api.compare import ComparisonAnswer, FactsAnswer, PairPageAnswer, PairQuery
from promptlab.schemas.api.queries import Word
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import RunFilter
from promptlab.schemas.paired import CHANGES, Change
from promptlab.services.run_pages import RunPages
from promptlab.web.compared import TITLES, cell_views, commit_views, pair_views, runs_views
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.run import Chip
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/compare")

MOST_AT_ONCE = 300  # trials of a run; of more what moved comes after the page
NOT_SAME = tuple(change for change in CHANGES if change != "same")
OFFERED = 100  # runs to choose from
LABELS: Mapping[Change, tuple[str, str]] = {
    "worse": ("worse", "w"),
    "better": ("better", "b"),
    "otherwise": ("ended otherwise", "o"),
    "changed": ("other output", "c"),
    "same": ("unchanged", "s"),
}


class PageQuery(PairQuery):
    """As the API's, but for `a`: without it there is something to choose from."""

    a: Word | None = None


@router.get("")
def show_comparison(
    query: Annotated[PageQuery, Query()],
    request: Request,
    comparisons: ComparisonsDep,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
) -> Response:
    runs = RunPages(session, is_running=log.is_running)
    if query.a is None:
        return _chooser(request, query, _offered(runs, None), project)
    wanted = query if query.changes else query.model_copy(update={"show": NOT_SAME})
    found = comparisons.one(query.a, wanted)
    shown = (
        _stored(found, wanted, request, runs)
        if isinstance(found, StoredComparison)
        else _commit(found.whole(), query.a)
    )
    listed = _listed(request, query, shown.pop("pairs"))
    return page(request, "compare.html.j2", query=query, search=request.url.query, **shown, **listed, **TEXTS)


def _chooser(request: Request, query: PageQuery, offered: Sequence[RunRecord], project: Project) -> Response:
    names = [*_pipelines(project)]
    return page(request, "compare_choose.html.j2", offered=offered, query=query, names=names, **TEXTS)


def _offered(runs: RunPages, pipeline: str | None) -> list[RunRecord]:
    return [line.run for line in runs.page(RunFilter(pipeline=pipeline), limit=OFFERED).runs]


def _stored(found: StoredComparison, wanted: PairQuery, request: Request, runs: RunPages) -> dict[str, Any]:
    two = found.two
    is_short = max(two.a.done, two.b.done) <= MOST_AT_ONCE
    return {
        "pairs": found.pairs(wanted),
        "sides": runs_views(two),
        "offered": _offered(runs, two.b.pipeline),
        "swapped": _swapped(two, request),
        **_told(found.facts() if is_short or found.has_facts else None),
    }


def _commit(found: ComparisonAnswer, ref: str) -> dict[str, Any]:
    sides = commit_views(found, ref)
    return {"pairs": found, "sides": sides, "offered": (), "swapped": None, **_told(found)}


@router.get("/metrics")
def show_metrics(
    query: Annotated[PageQuery, Query()], request: Request, comparisons: ComparisonsDep
) -> Response:
    """Give what moved, to be put into the page."""
    found = comparisons.one(query.a or "", query)
    facts = found.facts() if isinstance(found, StoredComparison) else found.whole()
    return page(request, "compare_metrics.html.j2", **_told(facts), **TEXTS)


def _pipelines(project: Project) -> Iterator[str]:
    """Give what pipelines are asked for by, in order of their files."""
    names = project.names()
    return (names.get(path) or PurePosixPath(path).stem for path in project.pipelines())


def _told(facts: FactsAnswer | None) -> dict[str, Any]:
    return {"facts": facts, "cells": cell_views(facts.cells) if facts is not None else []}


def _listed(request: Request, query: PageQuery, found: PairPageAnswer) -> dict[str, Any]:
    return {
        "found": found,
        "groups": pair_views(found.pairs),
        "titles": TITLES,
        "chips": list(_chips(query, found)),
        "is_filtered": any((query.check, query.tag, query.text, query.show)),
        "clear": changed(request, show=None, check=None, tag=None, text=None),
        "unchanged": None if "same" in query.changes else changed(request, show="same"),
        "following": changed(request, cursor=found.next) if found.next else None,
        "first": changed(request) if query.cursor else None,
        "known_checks": sorted({one.name for pair in found.pairs for one in pair.b.checks}),
        "known_tags": sorted({tag for pair in found.pairs for tag in pair.tags}),
    }


def _chips(query: PageQuery, found: PairPageAnswer) -> Iterator[Chip]:
    for change, (label, key) in LABELS.items():
        count, is_on = found.changes.get(change, 0), change in query.changes
        if count or is_on:
            yield Chip("show", change, label, is_on, count, key)


def _swapped(two: TwoRuns, request: Request) -> str:
    """Give the address of B beside A."""
    if two.a.id == two.b.id:
        return changed(request, variant=two.against, against=two.variant)
    variants = {"variant": two.against, "against": two.variant} if two.against else {}
    return changed(request, a=two.b.id, b=two.a.id, **variants)
