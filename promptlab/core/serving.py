"""Settings of the server: where it listens, who may speak with it, and what a session may spend."""

import secrets
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
TOKEN_BYTES = 32
DEFAULT_PORT = 8321


def _random_token() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(TOKEN_BYTES))


class ServerSettings(BaseSettings):
    """What `promptlab serve` holds to; each field is also a variable, as PROMPTLAB_PORT.

    `origins` may read the API from other pages (CORS); `hosts` are names that a proxy gives this server.
    `max_cost` is in USD over all runs that are started from here, `max_runs` how many of these live at once.
    """

    model_config = SettingsConfigDict(env_prefix="PROMPTLAB_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = DEFAULT_PORT
    token: Annotated[SecretStr, Field(min_length=1, default_factory=_random_token)]
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    root: Path | None = None
    max_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_runs: Annotated[int, Field(ge=1, le=100)] = 4

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Give the Host headers that name this server, in small letters."""
        own = (f"{name}:{self.port}" for name in LOOPBACK)
        return frozenset((*own, *(host.lower() for host in self.hosts)))
