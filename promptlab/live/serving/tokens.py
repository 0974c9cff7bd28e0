"""Who may ask: whoever has the token, in a header, or in the cookie that it was changed for."""

import hmac
from collections.abc import Iterator

from promptlab.core.serving import ServerSettings
from promptlab.live.serving.asgi import SAFE, Scope, values
from promptlab.live.serving.guard import Check
from promptlab.live.serving.origins import needs_own_page
from promptlab.live.serving.problem import Problem

OPEN = ("/", "/api/health")
OPEN_FILES = "/static/"
CHALLENGE = (("WWW-Authenticate", 'Bearer realm="promptlab"'),)
NEEDED = Problem(
    401,
    "the token is missing",
    hint="send Authorization: Bearer TOKEN; `promptlab serve` prints it, or PROMPTLAB_TOKEN sets it",
    headers=CHALLENGE,
)
WRONG = Problem(401, "the token is wrong", hint=NEEDED.hint, headers=CHALLENGE)
FORGED = Problem(403, "a cookie alone does not do for this", hint="send the request from the page itself")


def session_cookie(settings: ServerSettings) -> tuple[str, str]:
    """Give the name and value of the cookie of who signed in.

    Cookies know no ports, so that its name tells this server from others of this machine, and its value is
    not the token, which other servers here would be sent.
    """
    token = settings.token.get_secret_value().encode()
    return f"promptlab-{settings.port}", hmac.digest(token, b"promptlab session", "sha256").hex()


def has_cookie(scope: Scope, settings: ServerSettings) -> bool:
    """Say whether a request shows that its sender signed in."""
    name, value = (part.encode() for part in session_cookie(settings))
    return any(hmac.compare_digest(given, value) for given in _cookies(scope, name))


def token_check(settings: ServerSettings) -> Check:
    """Refuse who shows neither the token nor the cookie; what holds no data is open to all."""
    token = settings.token.get_secret_value().encode()

    def check(scope: Scope) -> Problem | None:
        said = values(scope, b"authorization")
        if said:
            is_right = len(said) == 1 and _is_token(said[0], token)
            return None if is_right or _is_open(scope) else WRONG
        if has_cookie(scope, settings):
            return FORGED if needs_own_page(scope) else None
        return None if _is_open(scope) else NEEDED

    return check


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] in SAFE and (path in OPEN or path.startswith(OPEN_FILES))


def _is_token(authorization: bytes, token: bytes) -> bool:
    scheme, _, given = authorization.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(given, token)


def _cookies(scope: Scope, name: bytes) -> Iterator[bytes]:
    for header in values(scope, b"cookie"):
        for pair in header.split(b";"):
            key, _, value = pair.strip().partition(b"=")
            if key == name:
                yield value
