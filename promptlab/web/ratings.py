"""What people say of one trial, to be put into the page of its run or its own."""

from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.depends import LogDep, ProjectDep, SessionDep
from promptlab.live.serving.raters import rater_at
from promptlab.services.one_trial import OneTrialService
from promptlab.services.rated_answers import RatedAnswers
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/runs/{run}/trials/{trial}/ratings")


@router.get("")
def show_ratings(
    run: str,
    trial: str,
    request: Request,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
    part: Literal["cell", "section"] = "cell",
) -> Response:
    """Give the thumbs of a cell, or the section of a trial's page."""
    found = AskedRuns(session, is_running=log.is_running).run(run)
    at = OneTrialService(session, found).placed(trial)
    rated = RatedAnswers(session, found).of([at.row]).get((at.row, at.cell, at.repeat))
    return page(
        request,
        f"rating_{part}.html.j2",
        run=found,
        place=f"{at.row}-{at.cell_index}-{at.repeat}",
        ratings=rated.told if rated is not None else (),
        rater=rater_at(project.root),
        **TEXTS,
    )
