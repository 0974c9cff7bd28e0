"""One trial: its steps, what was said and judged, and its calls as they were recorded."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from promptlab.core.json import pretty
from promptlab.live.explaining.logged import LoggedCauses
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.depends import LogDep, ProjectDep, SessionDep
from promptlab.live.serving.raters import rater_at
from promptlab.reports.copies import curl, yaml_row
from promptlab.reports.why import why
from promptlab.services.one_trial import OneTrialService
from promptlab.web.links import playground
from promptlab.web.pages import page
from promptlab.web.steps import judged, step_views
from promptlab.web.texts import TEXTS, spoken

router = APIRouter(prefix="/runs/{run}/trials/{trial}")

LONGEST_ROW = 50_000


@router.get("")
def show_trial(
    run: str, trial: str, request: Request, session: SessionDep, log: LogDep, project: ProjectDep
) -> Response:
    asked = AskedRuns(session, is_running=log.is_running).both(run, None)
    one = OneTrialService(session, asked.run).read(trial, against=asked.against_id)
    causes = LoggedCauses(session, asked.run).of(one.id, one.trial.key)
    row = yaml_row(one.trial)
    return page(
        request,
        "trial.html.j2",
        run=asked.run,
        one=one,
        trial=one.trial,
        steps=step_views(one),
        judged=judged(one, one.trial.verdicts),
        spoken=spoken,
        why={path: (why(one_.changes), one_.against) for path, one_ in causes.items()},
        place=one.place,
        ratings=one.trial.ratings,
        rater=rater_at(project.root),
        playground=playground(asked.run.path, row=one.trial.key.row, variant=one.trial.key.cell),
        row=row if len(row) <= LONGEST_ROW else None,
        **TEXTS,
    )


@router.get("/calls/{answer}")
def show_call(
    run: str,
    trial: str,
    answer: Annotated[int, Path(ge=0, lt=2**63)],
    request: Request,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
) -> Response:
    found = AskedRuns(session, is_running=log.is_running).run(run)
    call = OneTrialService(session, found).call(trial, answer)
    own = project.settings.providers.get(call.answer.provider)
    command = curl(call.answer.provider, call.request, own=own)
    return page(
        request,
        "call.html.j2",
        run=found,
        trial=trial,
        call=call,
        command=command,
        request_text=pretty(call.request),
        **TEXTS,
    )
