"""The shell at `/`: it holds no data; who is signed in goes on to the runs."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from promptlab.live.serving.depends import SettingsDep
from promptlab.live.serving.tokens import has_cookie
from promptlab.web.pages import page

router = APIRouter()


@router.get("/")
async def shell(request: Request, settings: SettingsDep) -> Response:
    if has_cookie(request.scope, settings):
        return RedirectResponse("/runs", 303)
    return page(request, "shell.html.j2")
