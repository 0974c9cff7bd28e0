"""A small HTTP service on loopback, in a thread of its own: it answers as it is told, and keeps a journal."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names in small letters."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """`cut`: how many bytes of the body come before the connection closes; 0: not even a status."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    after: Event | None = None


type Answering = Callable[[Asked], Reply]


def says(value: object, status: int = 200, **headers: str) -> Reply:
    """Give a reply: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    named = {name.replace("_", "-"): given for name, given in headers.items()}
    return Reply(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8", **named})


@dataclass
class Service:
    """`answers` are given in order, the last one for ever; a function among them is asked."""

    url: str
    answers: list[Reply | Answering]
    journal: list[Asked] = field(default_factory=list)

    def reply_to(self, asked: Asked) -> Reply:
        self.journal.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Reply) else answer(asked)

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.journal]


@contextmanager
def service(*answers: Reply | Answering) -> Iterator[Service]:
    """Run a service until the end of the context."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): text for name, text in self.headers.items()}
            query = tuple(parse_qsl(parts.query, keep_blank_values=True))
            self._give(running.reply_to(Asked(self.command, parts.path, query, headers, body)))

        def _give(self, reply: Reply) -> None:
            if reply.after is not None:
                reply.after.wait(60)
            if reply.cut == 0:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, text in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])
            self.close_connection = reply.cut is not None

        def log_message(self, *_words: object) -> None: ...

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Service(f"http://127.0.0.1:{server.server_port}", list(answers) or [says("ok")])
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
