"""The web page: routes that render templates over the same services as the API, a file a view."""

from fastapi import APIRouter

from promptlab.web import (
    compare,
    history,
    ordering,
    pipeline,
    pipelines,
    playground,
    prompts,
    ratings,
    run,
    runs,
    shell,
    trial,
    watch,
)

VIEWS = (
    shell,
    runs,
    run,
    trial,
    ratings,
    pipelines,
    pipeline,
    history,
    playground,
    prompts,
    compare,
    watch,
    ordering,
)

web_router = APIRouter(include_in_schema=False)
for view in VIEWS:
    web_router.include_router(view.router)
