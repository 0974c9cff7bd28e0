"""Metrics over time: what each run of a pipeline measured."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.api.answers import tagged_by_content
from promptlab.api.depends import LogDep, ProjectDep, SessionDep
from promptlab.api.pipelines import Name
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.serving.logged_pipelines import logged_pipeline
from promptlab.schemas.api.metrics import MetricHistoryAnswer, MetricQuery
from promptlab.services.metric_history import MetricHistory

router = APIRouter(prefix="/pipelines", tags=["pipelines"])


@router.get("/{name}/metrics", response_model=MetricHistoryAnswer, responses=NOT_MODIFIED)
def list_metrics(
    name: Name,
    query: Annotated[MetricQuery, Query()],
    request: Request,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
) -> Response:
    """Tell each metric of a pipeline run by run, the newest first, with the commits that they ran at."""
    history = MetricHistory(session, is_running=log.is_running)
    pipeline = logged_pipeline(name, history, project)
    page = history.page(
        pipeline, metrics=query.metric, variants=query.variant, cursor=query.cursor, limit=query.limit
    )
    return tagged_by_content(request, MetricHistoryAnswer.of(pipeline, page))
