"""Trials of a run: by pages of rows, one whole, and a call of it as it was recorded."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from promptlab.api.answers import tagged
from promptlab.api.depends import LogDep, SessionDep
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.etags import tag_of
from promptlab.schemas.api.one_trial import RecordedCall, WholeTrial
from promptlab.schemas.api.queries import TrialQuery
from promptlab.schemas.api.trials import TrialPage
from promptlab.services.matrix_pages import MatrixPages
from promptlab.services.one_trial import OneTrialService
from promptlab.services.rated_answers import RatedAnswers

router = APIRouter(prefix="/runs/{run}/trials", tags=["trials"])

type Named = Annotated[
    str, Path(description="Its `id`, or its `place`: row, cell and repeat.", examples=["3-0-0"])
]


@router.get("", response_model=TrialPage, responses=NOT_MODIFIED)
def list_trials(
    run: str, query: Annotated[TrialQuery, Query()], request: Request, session: SessionDep, log: LogDep
) -> Response:
    """List the trials of a run, so many rows a page."""
    asked = AskedRuns(session, is_running=log.is_running).both(run, query.against)
    rated = RatedAnswers(session, asked.run).stamp()

    def page() -> TrialPage:
        pages = MatrixPages(session, asked.run, against=asked.against_id)
        limit = query.rows_for(len(asked.run.cells), pages.repeats)
        found = pages.page(query.filter, sort=query.sort, cursor=query.cursor, limit=limit)
        return TrialPage.of(asked.run.id, found)

    return tagged(request, tag_of(request, asked.run, asked.against, also=rated), page)


@router.get("/{trial}", response_model=WholeTrial, responses=NOT_MODIFIED)
def read_trial(run: str, trial: Named, request: Request, session: SessionDep, log: LogDep) -> Response:
    """Read one trial with its steps, messages, checks and calls."""
    asked = AskedRuns(session, is_running=log.is_running).both(run, None)
    rated = RatedAnswers(session, asked.run).stamp()

    def whole() -> WholeTrial:
        one = OneTrialService(session, asked.run).read(trial, against=asked.against_id)
        return WholeTrial.of(asked.run.id, one)

    return tagged(request, tag_of(request, asked.run, asked.against, also=rated), whole)


@router.get("/{trial}/calls/{answer}", response_model=RecordedCall, responses=NOT_MODIFIED)
def read_call(
    run: str,
    trial: Named,
    answer: Annotated[int, Path(ge=0, lt=2**63, description="The answer's id.")],
    request: Request,
    session: SessionDep,
    log: LogDep,
) -> Response:
    """Read the request and the answer of a call, as they were recorded."""
    found = AskedRuns(session, is_running=log.is_running).run(run)
    calls = OneTrialService(session, found)
    return tagged(request, tag_of(request, found), lambda: RecordedCall.of(calls.call(trial, answer)))
