"""HTTP/1.1 on bytes: reading a request off a buffer, and the reply as it stands on the wire."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

type Json = Any
type JsonObject = dict[str, Any]
type Framing = Literal["length", "chunked", "close"]

_HEAD_END = b"\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class RequestError(ValueError):
    """Bytes that are no HTTP request this server reads."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower-case, `json` is None where the body is no JSON."""

    method: str
    path: str
    headers: dict[str, str]
    text: str
    json: Json
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `input_tokens` includes `cached_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is sent; a streamed one has an event a part, the terminal event last."""

    status: int = 200
    content_type: str = "application/json"
    parts: tuple[bytes, ...] = (b"",)
    framing: Framing = "length"
    headers: dict[str, str] = field(default_factory=dict)
    usage: Usage | None = None

    @property
    def streamed(self) -> bool:
        return self.framing == "chunked"

    def head(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}",
            f"content-type: {self.content_type}",
            self._framing_line(),
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + _HEAD_END

    def pieces(self) -> list[bytes]:
        """Return the body's bytes on the wire, an event a piece."""
        if self.streamed:
            return [*(b"%x\r\n%b\r\n" % (len(part), part) for part in self.parts if part), b"0\r\n\r\n"]
        return list(self.parts)

    def body(self) -> bytes:
        return b"".join(self.pieces())

    def _framing_line(self) -> str:
        if self.framing == "length":
            return f"content-length: {sum(map(len, self.parts))}"
        return "transfer-encoding: chunked" if self.streamed else "connection: close"


def take_request(buffer: bytearray) -> Request | None:
    """Remove the first whole request from the buffer; None while it is incomplete."""
    end = buffer.find(_HEAD_END)
    if end < 0:
        return None
    method, path, version, headers = _read_head(bytes(buffer[:end]))
    start = end + len(_HEAD_END)
    stop = start + _length(headers)
    if len(buffer) < stop:
        return None
    text = buffer[start:stop].decode("utf-8", "replace")
    del buffer[:stop]
    keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Request(method, path, headers, text, _parsed(text), keep_alive)


def _parsed(text: str) -> Json:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _read_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    try:
        method, path, version = first.split(" ")
    except ValueError:
        raise RequestError(f"no request line: {first[:80]!r}") from None
    return method, path, version, headers


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RequestError("send the body with Content-Length; chunked requests are not read")
    text = headers.get("content-length", "0")
    if not text.isdecimal():
        raise RequestError(f"Content-Length is no number: {text!r}")
    return int(text)
