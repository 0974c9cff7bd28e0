"""The HTTP application: its settings, guard and routes, and how it answers what goes wrong."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from promptlab.api import api_router
from promptlab.api.problems import problem_of, problem_response
from promptlab.core.errors import PromptlabError
from promptlab.core.serving import ServerSettings
from promptlab.core.version import own_version
from promptlab.live.hosting.opening import hosting
from promptlab.live.playground.bench import benched
from promptlab.live.playground.running import Playground
from promptlab.live.serving.asgi import Scope
from promptlab.live.serving.bodies import Bodies
from promptlab.live.serving.framing import framing_check, media_type_check
from promptlab.live.serving.guard import Guard
from promptlab.live.serving.headers import Headers
from promptlab.live.serving.heads import Heads
from promptlab.live.serving.opened import opened
from promptlab.live.serving.origins import host_check, origin_check
from promptlab.live.serving.problem import Problem
from promptlab.live.serving.rates import RateCheck
from promptlab.live.serving.tokens import token_check
from promptlab.web import web_router
from promptlab.web.pages import problem_page, warm_up

NO_PAGES = ("/api/", "/static/")


def create_app(settings: ServerSettings | None = None) -> FastAPI:
    """Make the application; without `settings` they are those of the environment."""
    held_to = settings or ServerSettings()
    app = FastAPI(
        title="promptlab",
        version=own_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=list(_middlewares(held_to)),
        lifespan=partial(_lifespan, settings=held_to),
    )
    app.state.warm_up = warm_up
    app.include_router(api_router)
    app.include_router(web_router)
    app.mount("/static", StaticFiles(directory=str(files("promptlab.web") / "static")), name="static")
    for kind in (PromptlabError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _tell)
    return app


def _middlewares(settings: ServerSettings) -> Iterator[Middleware]:
    """Give what stands before the routes, the outermost first."""
    outside = (
        host_check(settings.allowed_hosts),
        framing_check,
        origin_check(settings.origins),
        RateCheck(settings.rate),
    )
    yield Middleware(Headers, refusal=_refusal)
    yield Middleware(Guard, checks=outside, refusal=_refusal)
    if settings.origins:
        headers = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
        yield Middleware(
            CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"], allow_headers=headers
        )
    yield Middleware(Guard, checks=(token_check(settings), media_type_check), refusal=_refusal)
    yield Middleware(Bodies, refusal=_refusal)
    yield Middleware(Heads)


@asynccontextmanager
async def _lifespan(app: FastAPI, *, settings: ServerSettings) -> AsyncIterator[None]:
    with opened(settings) as found:
        app.state.opened = found
        with benched(found) as app.state.bench:
            async with hosting(found) as app.state.host:
                app.state.playground = Playground(app.state.bench, app.state.host)
                yield


async def _tell(request: Request, error: Exception) -> Response:
    return _refusal(request.scope, problem_of(error))


def _refusal(scope: Scope, problem: Problem) -> Response:
    """Answer with a problem: a browser that wanted a page gets one, all others JSON."""
    request = Request(scope)
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and not request.url.path.startswith(NO_PAGES):
        return problem_page(request, problem)
    return problem_response(problem)
