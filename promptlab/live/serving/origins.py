"""Whom a request is for, and from which page it comes: exact names, on every route."""

from collections.abc import Collection

from promptlab.live.serving.asgi import Scope, is_safe, values
from promptlab.live.serving.guard import Check
from promptlab.live.serving.problem import CLOSE, Problem

SCHEMES = (b"http://", b"https://")
OWN_SITE = (b"none", b"same-origin")
FOREIGN = "another site asks; open the page's address by hand"


def host_check(allowed: Collection[str]) -> Check:
    """Refuse requests that are not for one of the `allowed` hosts, which defeats DNS rebinding."""
    names = frozenset(name.encode("latin-1") for name in allowed)

    def check(scope: Scope) -> Problem | None:
        said = values(scope, b"host")
        if len(said) != 1 or not said[0]:
            return Problem(400, "a request needs one Host", headers=(CLOSE,))
        if said[0].lower() in names:
            return None
        hint = "say the address as it was printed; PROMPTLAB_HOSTS allows other names"
        return Problem(421, "this server does not go by that host", hint=hint, headers=(CLOSE,))

    return check


def origin_check(trusted: Collection[str]) -> Check:
    """Refuse requests of pages that are neither the server's own nor of a `trusted` origin."""
    origins = frozenset(origin.encode("latin-1") for origin in trusted)

    def check(scope: Scope) -> Problem | None:
        said = values(scope, b"origin")
        if len(said) == 1 and said[0] in origins:
            return None
        if said and not _is_own(scope, said):
            return Problem(403, "this origin may not ask", hint=FOREIGN)
        if any(site not in OWN_SITE for site in values(scope, b"sec-fetch-site")):
            return Problem(403, "a page of another site may not ask", hint=FOREIGN)
        return None

    return check


def comes_from_own_page(scope: Scope) -> bool:
    """Say whether a browser tells that a request comes from a page of this server."""
    return _is_own(scope, values(scope, b"origin")) or values(scope, b"sec-fetch-site") == [b"same-origin"]


def needs_own_page(scope: Scope) -> bool:
    return not is_safe(scope) and not comes_from_own_page(scope)


def _is_own(scope: Scope, said: list[bytes]) -> bool:
    hosts = values(scope, b"host")
    own = [scheme + host.lower() for scheme in SCHEMES for host in hosts]
    return len(said) == 1 and said[0].lower() in own
