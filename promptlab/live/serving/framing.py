"""How a request is written: what has two meanings is refused, and what changes something is JSON."""

from promptlab.live.serving.asgi import Scope, has_body, is_safe, values
from promptlab.live.serving.problem import CLOSE, Problem

JSON_TYPE = b"application/json"
LONGEST_TYPE = 200


def framing_check(scope: Scope) -> Problem | None:
    """Refuse a body of two lengths, by which requests are smuggled past a proxy."""
    if values(scope, b"transfer-encoding") and values(scope, b"content-length"):
        detail = "a body has either a Content-Length or a Transfer-Encoding"
        return Problem(400, detail, headers=(CLOSE,))
    return None


def media_type_check(scope: Scope) -> Problem | None:
    """Refuse what other pages can send without being asked: forms and plain text."""
    if is_safe(scope) or (scope["method"] == "DELETE" and not has_body(scope)):
        return None
    said = values(scope, b"content-type")
    if len(said) == 1 and len(said[0]) <= LONGEST_TYPE and _media_type(said[0]) == JSON_TYPE:
        return None
    return Problem(415, "a body must be JSON", hint="send Content-Type: application/json", headers=(CLOSE,))


def _media_type(value: bytes) -> bytes:
    return value.partition(b";")[0].strip().lower()
