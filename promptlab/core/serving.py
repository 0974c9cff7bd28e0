"""Settings of the server: where it listens, who may speak with it, and what a session may spend."""

import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from promptlab.core.environment import Environment
from promptlab.core.errors import UsageError

PREFIX = "PROMPTLAB_"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
LOOPBACK_ADDRESSES = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - to be told from an address that can be asked for
TOKEN_BYTES = 32
SHORTEST_TOKEN = 8
DEFAULT_PORT = 8321
HTTP_PORT = 80
_HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def _random_token() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(TOKEN_BYTES))


def _sendable(token: SecretStr) -> SecretStr:
    said = token.get_secret_value()
    if len(said) < SHORTEST_TOKEN or _TOKEN.fullmatch(said) is None:
        raise ValueError(f"a token has at least {SHORTEST_TOKEN} characters, and no blanks")
    return token


def _parted(value: object) -> object:
    return (
        [part.strip().lower() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _host(value: str) -> str:
    if _HOST.fullmatch(value) is None:
        raise ValueError("a host is a name or an address, with a port where it has one, as lab.example.com")
    return value


def _origin(value: str) -> str:
    if _ORIGIN.fullmatch(value) is None:
        raise ValueError("an origin is a scheme, a host and a port, as https://lab.example.com")
    return value


type Host = Annotated[str, AfterValidator(_host)]
type Origin = Annotated[str, AfterValidator(_origin)]


class ServerSettings(BaseSettings):
    """What `promptlab serve` holds to; each field is also a variable, as PROMPTLAB_PORT.

    `hosts` are the names that a proxy gives this server, `origins` the pages elsewhere that may use its API;
    in variables they are parted by commas. `rate` is how many requests a second an address may send for
    long. `max_cost` is in USD over all runs that are started from here, `max_runs` how many live at once.
    """

    model_config = SettingsConfigDict(
        env_prefix="PROMPTLAB_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = DEFAULT_PORT
    token: Annotated[SecretStr, AfterValidator(_sendable), Field(default_factory=_random_token)]
    hosts: Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_parted)] = ()
    origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_parted)] = ()
    root: Path | None = None
    rate: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 100
    max_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_runs: Annotated[int, Field(ge=1, le=100)] = 4

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can speak with the server."""
        return self.host in LOOPBACK_ADDRESSES

    @property
    def shown_host(self) -> str:
        """Give the host as an address names it."""
        if self.host in EVERYWHERE:
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Give the Host headers that name this server, in small letters."""
        return frozenset(self._host_headers())

    def _host_headers(self) -> Iterator[str]:
        for name in (*LOOPBACK, self.shown_host.lower()):
            yield f"{name}:{self.port}"
            if self.port == HTTP_PORT:
                yield name
        yield from self.hosts


def settle_server(environment: Environment, *, root: Path, flags: Mapping[str, object]) -> ServerSettings:
    """Give what flags, then the environment with the project's `.env` say; raises UsageError naming which."""
    variables = {name: environment.get(f"{PREFIX}{name.upper()}") for name in ServerSettings.model_fields}
    said = {name: value for name, value in (variables | dict(flags)).items() if value not in (None, "")}
    try:
        return ServerSettings.model_validate(said | {"root": root})
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        name = str(fault["loc"][0])
        where = f"--{name}" if name in flags else f"{PREFIX}{name.upper()}"
        raise UsageError(f"{where}: {fault['msg'].removeprefix('Value error, ')}") from None
