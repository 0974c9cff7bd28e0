"""The request of an http step and its answer, as values; and where such a request may go."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Protocol

from promptlab.core.addresses import check_host, checked_url, refuse_dots
from promptlab.core.display import is_secret_name
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, compact

MOST_BYTES = 10_000_000
ATTEMPT_SECONDS = 60.0
_FIXED = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[/?#]?)")
_TAG = re.compile(r"\{[{%#]")
_SECRET_HEADERS = ("cookie", "authorization", "proxy-authorization")
_NO_SECRET_HEADERS = ("idempotency-key",)
_ENCODE = "pass values through `| urlencode`, or give them under `query`"


@frozen(kw_only=True)
class WebRequest:
    """A request whose templates are filled; `url` is whole, with its query.

    `body` is text or, with `is_json`, any JSON; None and not `is_json`: it has no body.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JSON = None
    is_json: bool = False

    @property
    def host(self) -> str:
        """The host, with a port where the address says one."""
        return self.url.partition("://")[2].partition("/")[0].partition("?")[0]

    @property
    def shown(self) -> str:
        """What messages call it: without its query, in which anything may stand."""
        return f"{self.method} {self.url.partition('?')[0]}"

    @property
    def content(self) -> bytes | None:
        if self.is_json:
            return compact(self.body).encode("utf-8", "surrogatepass")
        return self.body.encode("utf-8", "surrogatepass") if isinstance(self.body, str) else None

    def as_json(self) -> dict[str, JSON]:
        """Say what is sent, for the fingerprint and the log, without headers that are named like secrets."""
        told = {name.lower(): text for name, text in self.headers.items() if not is_secret_header(name)}
        body: dict[str, JSON] = {"json" if self.is_json else "body": self.body}
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(sorted(told.items())),
            **(body if self.is_json or self.body is not None else {}),
        }


@frozen
class WebAnswer:
    """The body of a good answer, as text and as it came."""

    text: str
    raw: bytes


class SendRequest(Protocol):
    """Sends a request once; raises a ProviderError for all but a good answer. `seconds`: for the whole."""

    async def __call__(self, request: WebRequest, *, seconds: float) -> WebAnswer: ...


def is_secret_header(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _NO_SECRET_HEADERS and (lowered in _SECRET_HEADERS or is_secret_name(name))


def fixed_origin(source: str) -> str | None:
    """Give scheme, host and port that the literal text of a URL's template fixes; None if it fixes none.

    Raises ValueError where they are wrong, or where a value would decide only a part of them.
    """
    tag = _TAG.search(source)
    literal = source if tag is None else source[: tag.start()]
    if tag is not None and not literal:
        return None
    found = _FIXED.match(literal)
    if found is None:
        raise ValueError("this is no address; begin with https://host/…")
    authority = found["authority"]
    if "@" in authority:
        raise ValueError("the address has a name or password in it, and a pipeline holds no secrets")
    if tag is not None and not found["rest"] and (not authority or authority[-1] in ":.-["):
        raise ValueError(
            "a value would choose a part of the host; write it out, or give the whole address by a value"
        )
    checked_url(f"{found['scheme']}://{authority}")
    return f"{found['scheme']}://{authority}"


def final_url(rendered: str, query: Iterable[tuple[str, str]], *, origin: str | None) -> str:
    """Give the whole URL of a request; raises ValueError for one that no request may go to.

    `origin` is what the template fixed: values choose neither scheme nor host then.
    """
    from yarl import URL  # noqa: PLC0415 - what the sender itself takes an address apart with

    if "\\" in rendered or not rendered.isprintable() or any(map(str.isspace, rendered)):
        raise ValueError(f"the address has characters that none has; {_ENCODE}")
    if origin is not None:
        _refuse_other_origin(rendered, origin)
    url = URL(rendered)
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ValueError("this is no address; say https://host/…")
    if url.user is not None or url.password is not None:
        raise ValueError("the address has a name or password in it")
    if url.fragment:
        raise ValueError(f"the address has a '#' in it, and what follows would not be sent; {_ENCODE}")
    check_host(url.scheme, url.raw_host)
    return str(url.extend_query(list(query)))


def _refuse_other_origin(rendered: str, origin: str) -> None:
    found = _FIXED.match(rendered)
    if found is None or f"{found['scheme']}://{found['authority']}" != origin:
        raise ValueError(f"a value changed the host, which is {origin}; a value after it begins with '/'")
    path = re.split(r"[?#]", rendered.removeprefix(origin), maxsplit=1)[0]
    refuse_dots(path)
