"""The append-only journal: a line when a request has come, another when its answer has gone."""

import json
import time
from pathlib import Path
from typing import Literal

from .wire import JsonObject, Request, Usage

type KeyState = Literal["none", "right", "wrong", "unchecked"]
type Outcome = Literal["sent", "aborted"]

_SECRET_HEADERS = ("authorization", "x-api-key", "api-key", "cookie", "proxy-authorization")
_MASK = "***"


class Journal:
    """Counts, and with a path also writes; each line reaches the kernel before the call returns."""

    def __init__(self, path: Path | None = None, *, secret: str | None = None) -> None:
        self.path = path
        self.requests = 0
        self.answers = 0
        self.in_flight = 0
        self.secret = secret
        self._file = path.open("ab", buffering=0) if path else None

    def request(self, request: Request, **facts: object) -> int:
        """Note a request and return its number, from 1."""
        self.requests += 1
        self.in_flight += 1
        if self._file:
            self._write(self._request_line(request, facts))
        return self.requests

    def answer(self, number: int, *, status: int | None, size: int, outcome: Outcome) -> None:
        self.answers += 1
        self.in_flight -= 1
        if self._file:
            facts = {"status": status, "bytes": size, "outcome": outcome}
            self._write(json.dumps({"kind": "answer", "seq": number, **_times(), **facts}))

    def read(self) -> bytes:
        if self.path:
            return self.path.read_bytes()
        counts = {"kind": "count", "requests": self.requests, "answers": self.answers}
        return json.dumps(counts).encode() + b"\n"

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _request_line(self, request: Request, facts: dict[str, object]) -> str:
        entry = {
            "kind": "request",
            "seq": self.requests,
            **_times(),
            "in_flight": self.in_flight,
            "method": request.method,
            "path": request.path,
            "headers": _without_secrets(request.headers),
            **facts,
        }
        line = f'{json.dumps(entry)[:-1]}, "body": {_body_text(request)}}}'
        return line.replace(self.secret, _MASK) if self.secret else line

    def _write(self, line: str) -> None:
        if self._file:
            self._file.write(line.encode() + b"\n")


def usage_facts(usage: Usage | None) -> JsonObject | None:
    if usage is None:
        return None
    return {name: getattr(usage, name) for name in usage.__slots__}


def _times() -> dict[str, float]:
    return {"monotonic": time.monotonic(), "time": time.time()}


def _without_secrets(headers: dict[str, str]) -> dict[str, str]:
    kept = dict(headers)
    for name in _SECRET_HEADERS:
        if name in kept:
            kept[name] = _MASK
    return kept


def _body_text(request: Request) -> str:
    """Return the body as JSON on one line: as it came where it is that already."""
    if request.json is None:
        return json.dumps(request.text or None)
    one_line = "\n" not in request.text and "\r" not in request.text
    return request.text if one_line else json.dumps(request.json)
