"""The playground of a pipeline: a prompt to edit, what it sends for a row, and what came of running it."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from promptlab.core.word_diff import Piece, word_diff
from promptlab.live.hosting.depends import RunId
from promptlab.live.playground.answers import Answers
from promptlab.live.playground.depends import PlaygroundDep
from promptlab.live.playground.looking import Look, Wanted
from promptlab.live.playground.rows import beside, found_row
from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.schemas.api.playground import PlaygroundQuery, TryOrder
from promptlab.web.pages import page
from promptlab.web.steps import judged
from promptlab.web.texts import TEXTS, spoken

router = APIRouter()

A_GOOD_LIMIT = 0.1  # USD
MOST_SHOWN = 40
WHOLE = 1_000_000  # words around what differs
SHOWN = {**TEXTS, "spoken": spoken, "most": MOST_SHOWN}


@router.get("/pipelines/{name}/playground")
async def show_playground(
    name: str, query: Annotated[PlaygroundQuery, Query()], request: Request, playground: PlaygroundDep
) -> Response:
    wanted = Wanted(pipeline=name, step=query.step, variant=query.variant, row=query.row)
    look = await playground.look(wanted)
    if query.find and look.loaded is not None:
        row = await asyncio.to_thread(found_row, look.loaded, query.find)
        if row is not None:
            return RedirectResponse(_address(name, look, row), 303)
    at = await asyncio.to_thread(beside, look.loaded, look.tried.row) if look.loaded is not None else None
    return page(
        request,
        "playground.html.j2",
        name=name,
        at=at,
        not_found=query.find if look.loaded is not None else None,
        before=_address(name, look, at.before) if at and at.before is not None else None,
        after=_address(name, look, at.after) if at and at.after is not None else None,
        limit=_limit(look),
        **_shown(look),
    )


@router.post("/playground/rendered")
async def show_rendered(order: TryOrder, request: Request, playground: PlaygroundDep) -> Response:
    """Give what an edited prompt would send, to be put into the page; nothing is sent."""
    look = await playground.look(Wanted(**order.model_dump()))
    return page(request, "playground_rendered.html.j2", **_shown(look))


@router.get("/playground/answers/{run_id}")
def show_answer(
    run_id: RunId, request: Request, session: SessionDep, log: LogDep, earlier: RunId | None = None
) -> Response:
    """Give what a run gave, beside what there was before, to be put into the page."""
    answers = Answers(session, log.is_running)
    given = answers.of(run_id)
    before = answers.before(given, earlier)
    return page(
        request,
        "playground_answer.html.j2",
        given=given,
        before=before,
        diff=_difference(before.text, given.text) if before is not None else (),
        judged=judged,
        **SHOWN,
    )


def _difference(old: str, new: str) -> list[Piece]:
    """Give all of both texts, of which equal ones have nothing to mark."""
    return [Piece("same", new)] if old == new else word_diff(old, new, around=WHOLE)


def _shown(look: Look) -> dict[str, Any]:
    return {"look": look, "cost": look.cost, "tried": look.tried, **SHOWN}


def _address(name: str, look: Look, row: int) -> str:
    said = {"step": look.tried.step, "variant": look.tried.cell, "row": row}
    return f"/pipelines/{name}/playground?{urlencode(said)}"


def _limit(look: Look) -> float | None:
    """Give the limit that is proposed: none where the price is not known, as no limit could hold then."""
    cost = look.cost
    if cost.plan is None or cost.plan.total.worst_usd is None:
        return None
    return min(A_GOOD_LIMIT, cost.room) if cost.room is not None else A_GOOD_LIMIT
