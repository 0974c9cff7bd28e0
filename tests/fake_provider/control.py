"""The control routes, which no script, key or journal sees: `/_control` and `/_journal`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .faults import FAULTS
from .script import Script, parse_rules
from .wire import Json, JsonObject, Reply, Request

if TYPE_CHECKING:
    from .server import FakeServer

_COMMANDS = ("reset", "options", "script", "journal", "refuse")


def answer_control(server: "FakeServer", request: Request) -> Reply:
    """Answer `GET /_journal` with the lines so far, `POST /_control` with the state after it."""
    match request.method, request.path:
        case "GET", "/_journal":
            return Reply(content_type="application/x-ndjson", parts=(server.journal.read(),))
        case "POST", "/_control":
            return _controlled(server, request.json)
    return _json(404, {"error": "POST /_control or GET /_journal"})


def _controlled(server: "FakeServer", command: Json) -> Reply:
    try:
        _apply(server, command)
    except (ValueError, TypeError, OSError) as error:
        return _json(400, {"error": str(error)})
    return _json(200, _state(server))


def _apply(server: "FakeServer", command: Json) -> None:
    if not isinstance(command, dict) or not set(command) <= set(_COMMANDS):
        raise ValueError(f"an object with some of {', '.join(_COMMANDS)} is wanted")
    journal = _journal_path(command["journal"]) if "journal" in command else server.journal.path
    if command.get("reset"):
        server.renew(journal)
    elif "journal" in command:
        server.write_journal(journal)
    if "options" in command:
        server.configure(command["options"])
    if "script" in command:
        server.follow(Script(parse_rules(command["script"], FAULTS)))
    if "refuse" in command:
        server.refuse(command["refuse"])


def _journal_path(named: str) -> Path | None:
    return None if named == "off" else Path(named)


def _state(server: "FakeServer") -> JsonObject:
    journal = server.journal
    return {
        "url": server.url,
        "requests": journal.requests,
        "answers": journal.answers,
        "in_flight": journal.in_flight,
        "connections": len(server.connections),
        "journal": str(journal.path or "off"),
    }


def _json(status: int, payload: JsonObject) -> Reply:
    return Reply(status=status, parts=(json.dumps(payload).encode(),))
