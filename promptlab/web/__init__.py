"""The web page: routes that render templates over the same services as the API, a file a view."""

from fastapi import APIRouter

from promptlab.web import playground, run, runs, shell, trial

VIEWS = (shell, runs, run, trial, playground)

web_router = APIRouter(include_in_schema=False)
for view in VIEWS:
    web_router.include_router(view.router)
