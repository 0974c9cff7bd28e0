"""The HTTP application as tests use it."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from promptlab.core.serving import ServerSettings

TOKEN = "a-token-for-tests"
PORT = 8321
ADDRESS = f"http://127.0.0.1:{PORT}"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def server_settings(root: Path, **settings: Any) -> ServerSettings:
    return ServerSettings(**{"root": root, "port": PORT, "token": SecretStr(TOKEN), **settings})


def signed_in(app: FastAPI) -> TestClient:
    """Give a client with the token in its header; used as a context, it starts and ends the application."""
    return TestClient(app, base_url=ADDRESS, headers=BEARER)


def stranger(app: FastAPI) -> TestClient:
    """Give a client that knows no token."""
    return TestClient(app, base_url=ADDRESS)
