"""The HTTP API: thin routes over the services, a file a noun."""

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from promptlab.api import health, runs, session, trials
from promptlab.api.problems import DOCUMENTED

NOUNS = (session, runs, trials)
TOKEN = HTTPBearer(description="What `promptlab serve` prints, or PROMPTLAB_TOKEN sets.", auto_error=False)

api_router = APIRouter(prefix="/api", responses=DOCUMENTED)
api_router.include_router(health.router)
for noun in NOUNS:
    api_router.include_router(noun.router, dependencies=[Security(TOKEN)])
