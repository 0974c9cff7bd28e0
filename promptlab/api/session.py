"""Signing in and out: the token is changed for a cookie that scripts cannot read."""

from fastapi import APIRouter, Request, Response

from promptlab.live.serving.depends import SettingsDep
from promptlab.live.serving.tokens import session_cookie

router = APIRouter(prefix="/session", tags=["session"])


@router.post("", status_code=204)
async def sign_in(request: Request, response: Response, settings: SettingsDep) -> None:
    """Set the cookie of the page for whoever sends the token in its header."""
    name, value = session_cookie(settings)
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=is_secure)


@router.delete("", status_code=204)
async def sign_out(response: Response, settings: SettingsDep) -> None:
    """Take the cookie of the page away."""
    name, _ = session_cookie(settings)
    response.delete_cookie(name, httponly=True, samesite="strict")
