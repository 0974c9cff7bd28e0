"""One run: its matrix with filters, and charts of it."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.core.frozen import frozen
from promptlab.live.serving.asked_runs import Asked, AskedRuns
from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.live.serving.etags import is_known, tag_of
from promptlab.schemas.api.queries import TrialQuery
from promptlab.schemas.pages import MatrixCounts
from promptlab.services.distributions import DistributionService
from promptlab.services.matrix_pages import MatrixPages
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/runs/{run}")

MOST_COUNTED_AT_ONCE = 5_000  # trials; of longer runs the counts come after the page
MOST_CELLS = 40
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
KEYS = {"failed": "f", "errored": "e", "skipped": "", "left": "", "passed": "p"}


@frozen
class Chip:
    """A filter that is switched on and off by a link. `count` None: not known, or not yet."""

    label: str
    address: str
    is_on: bool
    count: int | None
    key: str = ""


@router.get("")
def show_run(
    run: str, query: Annotated[TrialQuery, Query()], request: Request, session: SessionDep, log: LogDep
) -> Response:
    asked = AskedRuns(session, is_running=log.is_running).both(run, query.against)
    tag = tag_of(request, asked.run, asked.against)
    if is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag or ""})
    pages = MatrixPages(session, asked.run, against=asked.against_id)
    limit = query.rows_for(len(query.cell) or len(asked.run.cells), pages.repeats)
    found = pages.page(query.filter, sort=query.sort, cursor=query.cursor, limit=limit)
    counts = pages.counts() if asked.run.planned <= MOST_COUNTED_AT_ONCE else None
    shown = page(
        request,
        "run.html.j2",
        **_common(request, asked, query),
        found=found,
        cells=_cells(asked.run.cells, query.cell),
        counts=counts,
        chips=_chips(request, query, counts, pages.statuses(), len(asked.run.cells)),
        measured=asked.run.metrics.get("cells") or {},
        following=changed(request, cursor=found.next) if found.next else None,
        first=changed(request) if query.cursor else None,
    )
    shown.headers.update({"ETag": tag} if tag is not None else {})
    return shown


@router.get("/filters")
def show_filters(
    run: str, query: Annotated[TrialQuery, Query()], request: Request, session: SessionDep, log: LogDep
) -> Response:
    """Give the filters with their counts, to be put into the page of a run."""
    asked = AskedRuns(session, is_running=log.is_running).both(run, query.against)
    pages = MatrixPages(session, asked.run, against=asked.against_id)
    counts = pages.counts()
    chips = _chips(
        request, query, counts, pages.statuses(), len(asked.run.cells), path=f"/runs/{asked.run.id}"
    )
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
        request, "charts.html.j2", **_common(request, asked, TrialQuery()), found=found, charts=charts
    )


def _common(request: Request, asked: Asked, query: TrialQuery) -> dict[str, Any]:
    return {
        "run": asked.run,
        "against": asked.against,
        "query": query,
        "sorts": SORTS,
        "is_filtered": query.model_copy(update={"cursor": None, "limit": None, "sort": "row"})
        != TrialQuery(),
        "search": request.url.query,
        "changed": partial(changed, request),
        **TEXTS,
    }


def _cells(cells: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Give the columns; `wanted` are whole names or variants."""
    shown = [cell for cell in cells if not wanted or cell in wanted or cell.partition(" ")[0] in wanted]
    return shown[:MOST_CELLS]


def _chips(
    request: Request,
    query: TrialQuery,
    counts: MatrixCounts | None,
    statuses: Any,
    cells: int,
    path: str | None = None,
) -> list[Chip]:
    at = partial(changed, request, path=path)
    chips = [Chip("all", at(status=None, flipped=None, disagreeing=None), not _is_narrowed(query), None, "a")]
    for status, count in statuses.items():
        is_on = query.status == (status,)
        chips.append(Chip(status, at(status=None if is_on else status), is_on, count, KEYS[status]))
    if counts is None or counts.flipped is not None:
        flipped = at(flipped=None if query.flipped else "true")
        chips.append(Chip("flipped", flipped, query.flipped, counts.flipped if counts else None, "x"))
    if cells > 1:
        address = at(disagreeing=None if query.disagreeing else "true")
        chips.append(
            Chip("disagreeing", address, query.disagreeing, counts.disagreeing if counts else None, "d")
        )
    return chips


def _is_narrowed(query: TrialQuery) -> bool:
    return bool(query.status or query.flipped or query.disagreeing)
