"""The shell at `/`: it holds no data."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from promptlab.web.pages import page

router = APIRouter()


@router.get("/")
async def shell(request: Request) -> HTMLResponse:
    return page(request, "shell.html.j2")
