"""The HTTP application: its settings, routes, and how it answers what goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from promptlab.api import api_router
from promptlab.api.problems import problem_of, response_to
from promptlab.core.errors import PromptlabError
from promptlab.core.serving import ServerSettings
from promptlab.core.version import own_version
from promptlab.live.serving.opened import opened
from promptlab.web import web_router
from promptlab.web.pages import page


def create_app(settings: ServerSettings | None = None) -> FastAPI:
    """Make the application; without `settings` they are those of the environment."""
    app = FastAPI(
        title="promptlab",
        version=own_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=partial(_lifespan, settings=settings or ServerSettings()),
    )
    app.include_router(api_router)
    app.include_router(web_router)
    app.mount("/static", StaticFiles(directory=str(files("promptlab.web") / "static")), name="static")
    for kind in (PromptlabError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _tell)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, *, settings: ServerSettings) -> AsyncIterator[None]:
    with opened(settings) as app.state.opened:
        yield


async def _tell(request: Request, error: Exception) -> Response:
    """Answer an error: to a browser that wanted a page with one, to all others with a problem."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and not request.url.path.startswith(("/api/", "/static/")):
        problem = problem_of(error)
        return page(request, "error.html.j2", status=problem.status, problem=problem)
    return response_to(error)
