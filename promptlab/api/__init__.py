"""The HTTP API: thin routes over the services, a file a noun."""

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from promptlab.api import (
    compare,
    events,
    health,
    metrics,
    models,
    pipelines,
    playground,
    problems_found,
    prompts,
    ratings,
    recordings,
    runs,
    session,
    starting,
    trials,
    watch,
)
from promptlab.api.problems import DOCUMENTED

NOUNS = (
    session,
    runs,
    starting,
    trials,
    ratings,
    events,
    pipelines,
    metrics,
    problems_found,
    prompts,
    recordings,
    compare,
    playground,
    watch,
    models,
)
TOKEN = HTTPBearer(description="What `promptlab serve` prints, or PROMPTLAB_TOKEN sets.", auto_error=False)

api_router = APIRouter(prefix="/api", responses=DOCUMENTED)
api_router.include_router(health.router)
for noun in NOUNS:
    api_router.include_router(noun.router, dependencies=[Security(TOKEN)])
