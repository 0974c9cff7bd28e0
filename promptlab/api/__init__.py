"""The HTTP API: thin routes over the services, a file a noun."""

from fastapi import APIRouter

from promptlab.api import health, runs, session, trials

NOUNS = (health, session, runs, trials)

api_router = APIRouter(prefix="/api")
for noun in NOUNS:
    api_router.include_router(noun.router)
