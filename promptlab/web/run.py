"""One run: its matrix with filters, and charts of it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from promptlab.core.frozen import frozen
from promptlab.live.serving.asked_runs import Asked, AskedRuns
from promptlab.live.serving.depends import LogDep, ProjectDep, SessionDep
from promptlab.live.serving.raters import rater_at
from promptlab.schemas.api.queries import TrialQuery
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import MatrixCounts
from promptlab.schemas.ratings import RatingMark
from promptlab.services.distributions import DistributionService
from promptlab.services.matrix_pages import MatrixPages
from promptlab.services.rated_answers import RatedAnswers
from promptlab.web.facts import facts
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/runs/{run}")

MOST_COUNTED_AT_ONCE = 5_000  # trials; of longer runs the counts come after the page
MOST_CELLS = 40
MARKED: dict[RatingMark, str] = {"rated": "rated", "down": "thumbs down", "disagrees": "rating disagrees"}
SORTS = {
    "row": "row",
    "score": "lowest score first",
    "-score": "highest score first",
    "-cost": "dearest first",
    "cost": "cheapest first",
    "-latency": "slowest first",
    "latency": "quickest first",
    "-row": "last row first",
}
UNFILTERED = {"cursor": None, "limit": None, "sort": "row", "hide": ()}
KEYS = {"passed": "p", "failed": "f", "errored": "e", "skipped": "", "left": ""}  # of each status


type Fact = Literal["inputs", "tags", "checks", "tokens", "cost", "latency"]

FACTS: tuple[Fact, ...] = get_args(Fact.__value__)


class MatrixQuery(TrialQuery):
    """Which rows of a run, in which order, and what is not shown of them."""

    hide: Annotated[tuple[Fact, ...], Field(max_length=len(FACTS))] = ()


@frozen
class Chip:
    """A filter that is ticked. `count` None: not known, or not yet."""

    name: str
    value: str
    label: str
    is_on: bool
    count: int | None
    key: str = ""


@router.get("")
def show_run(
    run: str,
    query: Annotated[MatrixQuery, Query()],
    request: Request,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
) -> Response:
    asked = AskedRuns(session, is_running=log.is_running).both(run, query.against)
    pages = MatrixPages(session, asked.run, against=asked.against_id)
    limit = query.rows_for(len(query.cell) or len(asked.run.cells), pages.repeats)
    found = pages.page(query.filter, sort=query.sort, cursor=query.cursor, limit=limit)
    counts = pages.counts() if asked.run.planned <= MOST_COUNTED_AT_ONCE else None
    return page(
        request,
        "run.html.j2",
        **_common(request, asked, query),
        found=found,
        cells=_cells(asked.run.cells, query.cell),
        counts=counts,
        chips=list(_chips(query, asked.run, counts)),
        measured=asked.run.metrics.get("cells") or {},
        rater=rater_at(project.root),
        facts=partial(facts, hidden=query.hide),
        labels=RatedAnswers(session, asked.run).stamp() is not None,
        following=changed(request, cursor=found.next) if found.next else None,
        first=changed(request) if query.cursor else None,
    )


@router.get("/filters")
def show_filters(
    run: str, query: Annotated[MatrixQuery, Query()], request: Request, session: SessionDep, log: LogDep
) -> Response:
    """Give the filters with their counts, to be put into the page of a run."""
    asked = AskedRuns(session, is_running=log.is_running).both(run, query.against)
    counts = MatrixPages(session, asked.run, against=asked.against_id).counts()
    chips = list(_chips(query, asked.run, counts))
    return page(request, "filters.html.j2", **_common(request, asked, query), counts=counts, chips=chips)


@router.get("/charts")
def show_charts(run: str, request: Request, session: SessionDep, log: LogDep) -> Response:
    asked = AskedRuns(session, is_running=log.is_running).both(run, "none")
    found = DistributionService(session).of(asked.run)
    charts = {
        name: asdict(spread)
        for name in ("score", "latency_ms", "cost_usd")
        if (spread := getattr(found, name)) is not None
    }
    return page(
        request, "charts.html.j2", **_common(request, asked, MatrixQuery()), found=found, charts=charts
    )


def _common(request: Request, asked: Asked, query: MatrixQuery) -> dict[str, Any]:
    return {
        "run": asked.run,
        "against": asked.against,
        "query": query,
        "sorts": SORTS,
        "known_facts": FACTS,
        "is_filtered": query.model_copy(update=UNFILTERED) != MatrixQuery(),
        "search": request.url.query,
        **TEXTS,
    }


def _cells(cells: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Give the columns; `wanted` are whole names or variants."""
    shown = [cell for cell in cells if not wanted or cell in wanted or cell.partition(" ")[0] in wanted]
    return shown[:MOST_CELLS]


def _chips(query: TrialQuery, run: RunRecord, counts: MatrixCounts | None) -> Iterator[Chip]:
    for status, key in KEYS.items():
        count, is_on = getattr(run, status), status in query.status
        if count or is_on:
            yield Chip("status", status, status, is_on, count, key)
    if counts is None or counts.flipped is not None:
        count = counts.flipped if counts else None
        yield Chip("flipped", "true", "flipped", query.flipped, count, "x")
    for mark, label in MARKED.items():
        rated, is_on = counts.ratings.get(mark, 0) if counts else None, mark in query.rating
        if rated or is_on:
            yield Chip("rating", mark, label, is_on, rated)
    if len(run.cells) > 1:
        count = counts.disagreeing if counts else None
        yield Chip("disagreeing", "true", "disagreeing", query.disagreeing, count, "d")
