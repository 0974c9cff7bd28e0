"""Ratings: what people say of answers, and what that makes of them as labels."""

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from promptlab.api.answers import answered
from promptlab.api.depends import LogDep, ProjectDep, SessionDep
from promptlab.api.trials import Named
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.raters import rater_at
from promptlab.reports.labels import LABELS
from promptlab.schemas.api.ratings import Rating, RatingList, RatingOrder, RatingQuery
from promptlab.schemas.run import MISSING
from promptlab.services.human_labels import HumanLabels
from promptlab.services.ratings import RatingService, Said

router = APIRouter(prefix="/runs/{run}", tags=["ratings"])

MEDIA = {"jsonl": "application/x-ndjson", "csv": "text/csv"}


@router.post(
    "/trials/{trial}/ratings", response_model=Rating, status_code=201, responses={200: {"model": Rating}}
)
def rate(run: str, trial: Named, order: RatingOrder, log: LogDep, project: ProjectDep) -> Response:
    """Say of an answer whether it is good, or why not; 200: the same person had said just that."""
    said = Said(
        who=order.who or rater_at(project.root),
        thumb=order.thumb if "thumb" in order.model_fields_set else MISSING,
        note=(order.note or None) if "note" in order.model_fields_set else MISSING,
    )
    with log.writing() as session:
        found = AskedRuns(session, is_running=log.is_running).run(run)
        rating, is_new = RatingService(session, found).rate(trial, said)
    shown = answered(Rating.of(rating), {"Location": f"/api/runs/{found.id}/ratings/{rating.id}"})
    shown.status_code = 201 if is_new else 200
    return shown


@router.get("/trials/{trial}/ratings", response_model=RatingList)
def list_of_trial(
    run: str, trial: Named, query: Annotated[RatingQuery, Query()], session: SessionDep, log: LogDep
) -> Response:
    """List what was said of a trial in this run, the newest first."""
    service = RatingService(session, AskedRuns(session, is_running=log.is_running).run(run))
    return answered(RatingList.of(service.page(trial=trial, cursor=query.cursor, limit=query.limit)))


@router.get("/ratings", response_model=RatingList)
def list_of_run(
    run: str, query: Annotated[RatingQuery, Query()], session: SessionDep, log: LogDep
) -> Response:
    """List what was said of the trials of a run, the newest first."""
    service = RatingService(session, AskedRuns(session, is_running=log.is_running).run(run))
    return answered(RatingList.of(service.page(cursor=query.cursor, limit=query.limit)))


type Number = Annotated[int, Path(ge=0, lt=2**63, description="The rating's id.")]


@router.get("/ratings/{rating}", response_model=Rating)
def read_rating(run: str, rating: Number, session: SessionDep, log: LogDep) -> Response:
    """Read one rating."""
    service = RatingService(session, AskedRuns(session, is_running=log.is_running).run(run))
    return answered(Rating.of(service.one(rating)))


@router.delete("/ratings/{rating}", response_model=Rating)
def take_back(run: str, rating: Number, log: LogDep) -> Response:
    """Take a rating back: it is deleted, and what the same person said before it counts again."""
    with log.writing() as session:
        found = AskedRuns(session, is_running=log.is_running).run(run)
        taken = RatingService(session, found).take_back(rating)
    return answered(Rating.of(taken))


@router.get(
    "/labels",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {} for media in MEDIA.values()}, "description": "The labels."}},
)
def write_labels(
    run: str,
    session: SessionDep,
    log: LogDep,
    kind: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
) -> Response:
    """Write what people say of a run as labels: for `judge-report --human`, and as a data set."""
    found = AskedRuns(session, is_running=log.is_running).run(run)

    def pieces() -> Iterator[str]:
        with log.reading() as reading:
            for piece in LABELS[kind](HumanLabels(reading, found).lines()):
                yield piece.encode("utf-8", "replace").decode()

    headers = {"Content-Disposition": f'attachment; filename="{found.id}-labels.{kind}"'}
    return StreamingResponse(pieces(), media_type=MEDIA[kind], headers=headers)
