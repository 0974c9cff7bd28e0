"""What is asked before a run is begun, gone on with or deleted: what it would do, and cost at worst."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from promptlab.core.errors import PromptlabError
from promptlab.live.hosting.depends import HostDep
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.live.serving.orders import order_again, planned
from promptlab.live.serving.pipelines import PipelinesDep
from promptlab.loader.problems import InvalidPipeline
from promptlab.schemas.api.starting import RunOrder
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter()

MOST_PROBLEMS = 5


@router.get("/runs/{run}/again")
def ask_again(
    run: str, request: Request, session: SessionDep, log: LogDep, pipelines: PipelinesDep
) -> Response:
    """Ask whether to run the same once more."""
    found = AskedRuns(session, is_running=log.is_running).run(run)

    def shown() -> dict[str, Any]:
        order = order_again(found)
        return {"planned": planned(pipelines.project, order, log=log), "json": _body(order)}

    return _asked(request, "ask_again.html.j2", shown, run=found)


@router.get("/runs/{run}/onwards")
def ask_onwards(
    run: str, request: Request, session: SessionDep, log: LogDep, pipelines: PipelinesDep
) -> Response:
    """Ask whether to go on with a run that did not come to its end."""
    found = AskedRuns(session, is_running=log.is_running).run(run)

    def shown() -> dict[str, Any]:
        return {"planned": planned(pipelines.project, order_again(found), log=log), "json": "{}"}

    return _asked(request, "ask_onwards.html.j2", shown, run=found)


@router.get("/runs/{run}/away")
def ask_away(run: str, request: Request, session: SessionDep, log: LogDep, host: HostDep) -> Response:
    """Ask whether to delete a run."""
    found = AskedRuns(session, is_running=log.is_running).run(run)
    return _asked(
        request,
        "ask_away.html.j2",
        lambda: {"removal": host.records.preview(found.id, answers=False), "json": "{}"},
        run=found,
    )


def _asked(request: Request, template: str, make: Callable[[], dict[str, Any]], **shown: Any) -> Response:
    """Show what is asked, or in its place why it cannot be."""
    try:
        made = {**make(), "error": None, "problems": ()}
    except PromptlabError as error:
        problems = [*error.problems][:MOST_PROBLEMS] if isinstance(error, InvalidPipeline) else ()
        made = {"error": error, "problems": problems}
    return page(request, template, **shown, **made, **TEXTS)


def _body(order: RunOrder) -> str:
    return json.dumps({"pipeline": order.pipeline, **order.said()})
