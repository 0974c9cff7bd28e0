"""Settings: what promptlab.yaml, the environment and the flags say, each value with where it came from."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from promptlab.core.addresses import checked_url
from promptlab.core.environment import REFERENCE, Environment
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen

VARIABLES = {
    "model": "PROMPTLAB_MODEL",
    "database_url": "PROMPTLAB_DATABASE_URL",
}
VENDOR_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
MODEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*/\S+$"
PROVIDER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DATABASE_LOGIN = re.compile(r"(?<=://).*@", re.DOTALL)  # to the last @, as one may stand in a password
_DATABASE_SECRET = re.compile(r"([?&][^=&]*pass[^=&]*=)[^&]*", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?:(?<=://)|^)[^/@]*@")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _only_references(value: str) -> str:
    if REFERENCE.fullmatch(value) is None:
        raise ValueError("a key does not belong into a file; say ${NAME} and export NAME")
    return value


def _allowed_address(value: str) -> str:
    return value if REFERENCE.search(value) else checked_url(value)


def _allowed_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if _HEADER.fullmatch(name) is None or any(character in value for character in "\r\n\0"):
            raise ValueError("a header has characters that no header has")
        if name.lower() in SECRET_HEADERS and REFERENCE.search(value) is None:
            raise ValueError(
                f"the value of {name} does not belong into a file; say ${{NAME}} and export NAME"
            )
    return headers


type ModelName = Annotated[str, Field(pattern=MODEL_PATTERN)]


class ProviderSettings(_Frozen):
    """One entry of `providers`; times are in seconds, rates per minute. What is None is the preset's."""

    type: str | None = None
    base_url: Annotated[str, AfterValidator(_allowed_address)] | None = None
    api_key: Annotated[str, AfterValidator(_only_references)] | None = None
    headers: Annotated[dict[str, str], AfterValidator(_allowed_headers)] = {}
    max_concurrency: int | None = Field(default=None, ge=1, le=1_000)
    requests_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tokens_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    timeout: float | None = Field(default=None, gt=0, le=86_400)
    identity: str | None = Field(default=None, min_length=1)
    api: Literal["chat", "responses"] | None = None


class PriceSettings(_Frozen):
    """USD per million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Ceilings(_Frozen):
    """What neither a pipeline nor a flag raises."""

    cost_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    cost_usd_per_day: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class SettingsFile(_Frozen):
    """A promptlab.yaml as it is written; validate the parsed mapping with it for problems with a `loc`."""

    version: Literal[1] = 1
    model: ModelName | None = None
    judge: ModelName | None = None
    providers: dict[Annotated[str, Field(pattern=PROVIDER_PATTERN)], ProviderSettings] = {}
    prices: dict[str, PriceSettings] = {}
    limits: Ceilings = Ceilings()

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, value: object) -> object:
        if isinstance(value, Mapping):
            return {key: item for key, item in value.items() if not str(key).startswith("x-")}
        return value

    def over(self, other: Self) -> "SettingsFile":
        """Give these settings, completed by those of `other`; a provider or price counts as a whole."""
        return SettingsFile(
            model=self.model or other.model,
            judge=self.judge or other.judge,
            providers={**other.providers, **self.providers},
            prices={**other.prices, **self.prices},
            limits=other.limits.model_copy(update=self.limits.model_dump(exclude_none=True)),
        )


@frozen
class Setting:
    """A line of `promptlab config`; the value of a secret is masked."""

    name: str
    value: str
    origin: str


@frozen(kw_only=True)
class Settings:
    """What holds after all sources were heard; keys stay in `environment` until a provider is built."""

    model: str | None = None
    judge: str | None = None
    database_url: str | None = None
    providers: Mapping[str, ProviderSettings]
    prices: Mapping[str, PriceSettings]
    limits: Ceilings
    environment: Environment
    origins: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Settings(model={self.model!r}, providers={sorted(self.providers)})"

    def rows(self) -> Iterator[Setting]:
        """Give each value and where it came from, secrets masked."""
        for name, value in self._values():
            yield Setting(name, value, self.origins.get(name, "default"))
        for name in VENDOR_VARIABLES:
            said = self.environment.get(name)
            if said is not None:
                shown = "***" if name.endswith("_KEY") else _URL_PASSWORD.sub("***@", said)
                yield Setting(name, shown, self.environment.origin(name))

    def _values(self) -> Iterator[tuple[str, str]]:
        yield "model", self.model or ""
        yield "judge", self.judge or ""
        yield "database_url", _without_secrets(self.database_url or "")
        for group in ("providers", "prices"):
            for name, entry in getattr(self, group).items():
                for key, value in entry.model_dump(exclude_none=True, exclude_defaults=True).items():
                    yield f"{group}.{name}.{key}", _shown(key, value)
        for key, ceiling in self.limits.model_dump().items():
            yield f"limits.{key}", "" if ceiling is None else f"{ceiling:g}"


def _without_secrets(address: str) -> str:
    return _DATABASE_SECRET.sub(r"\1***", _DATABASE_LOGIN.sub("***@", address))


def _shown(key: str, value: object) -> str:
    if key == "headers" and isinstance(value, dict):
        return ", ".join(
            f"{name}: {text if REFERENCE.search(text) else '***'}" for name, text in value.items()
        )
    return f"{value:g}" if isinstance(value, float) else str(value)


def settle(
    project: SettingsFile | None = None,
    *,
    environment: Environment,
    user: SettingsFile | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """Lay the sources over each other: flag, environment, `.env`, promptlab.yaml, user's file, default.

    `flags` are by name of setting (`model`). Raises UsageError, naming its source, for a value
    from a flag or the environment that cannot be one.
    """
    files = (project or SettingsFile()).over(user or SettingsFile())
    origins = {**_file_origins(user, "user config"), **_file_origins(project, "promptlab.yaml")}
    said = _said(environment, flags or {})
    values = {name: value for name, (value, _) in said.items()}
    return Settings(
        model=values.get("model", files.model),
        judge=files.judge,
        database_url=values.get("database_url"),
        providers=files.providers,
        prices=files.prices,
        limits=files.limits,
        environment=environment,
        origins={**origins, **{name: origin for name, (_, origin) in said.items()}},
    )


def _said(environment: Environment, flags: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    said = {}
    for name, variable in VARIABLES.items():
        value = environment.get(variable)
        if value:
            said[name] = (value, f"{variable} ({environment.origin(variable)})")
    said |= {name: (value, f"--{name.replace('_', '-')}") for name, value in flags.items()}
    value, origin = said.get("model", ("", ""))
    if origin and re.match(MODEL_PATTERN, value) is None:
        raise UsageError(f"{origin}: '{value[:100]}' is no model; say provider/model, as openai/gpt-4o-mini")
    return said


def _file_origins(file: SettingsFile | None, origin: str) -> dict[str, str]:
    if file is None:
        return {}
    names = [name for name in ("model", "judge") if getattr(file, name) is not None]
    names += [f"limits.{name}" for name in file.limits.model_dump(exclude_none=True)]
    for group in ("providers", "prices"):
        for name, entry in getattr(file, group).items():
            names += [f"{group}.{name}.{key}" for key in entry.model_fields_set]
    return dict.fromkeys(names, origin)


def user_config_path() -> Path:
    """Give where the user's own settings file may lie."""
    from platformdirs import user_config_path as folder  # noqa: PLC0415

    return folder("promptlab", appauthor=False) / "promptlab.yaml"
