"""Builds a provider from its name and the settings, when a model of it is first used."""

from typing import cast

from promptlab.core.addresses import checked_url, is_loopback, normalised
from promptlab.core.config import ProviderSettings, Settings
from promptlab.core.environment import Environment, references
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.registry import UnknownKind
from promptlab.core.suggest import did_you_mean
from promptlab.engine.catalog import PROVIDERS
from promptlab.engine.provider import Provider
from promptlab.engine.providers.options import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, ProviderOptions
from promptlab.engine.providers.presets import PRESETS, Preset

_WITHOUT_ADDRESS = ("local", "echo")
_WITHOUT_RESPONSES = ("anthropic", "local", "echo")


def provider_names(settings: Settings) -> list[str]:
    """Give the names that may stand before the slash of a model."""
    return sorted({*PRESETS, *settings.providers, *PROVIDERS.names()})


def build_provider(name: str, settings: Settings) -> Provider:
    """Build the provider called `name`; nothing is sent, no SDK imported.

    Raises UsageError for an unknown name and an address that no request may go to. A missing or malformed
    key is told by the provider's `check`, so that recorded answers are found without any key.
    """
    if not (name in PRESETS or name in settings.providers or name in PROVIDERS):
        advice = did_you_mean(name, provider_names(settings)) or "name it under `providers` in promptlab.yaml"
        raise UsageError(f"unknown provider '{name}'; {advice}")
    entry = settings.providers.get(name, ProviderSettings())
    preset = PRESETS.get(name, Preset(type=entry.type or (name if name in PROVIDERS else "openai")))
    type_name = entry.type or preset.type
    if entry.api == "responses" and type_name in _WITHOUT_RESPONSES:
        raise UsageError(f"providers.{name}.api: type {type_name} has no responses; take `api` out")
    try:
        kind = PROVIDERS.get(type_name)
    except UnknownKind as error:
        raise UsageError(f"providers.{name}.type: {error}") from None
    return cast("Provider", kind(_Assembly(name, entry, preset, settings).options()))


@frozen
class _Assembly:
    """Puts a provider's options together from its entry, its preset and the environment."""

    name: str
    entry: ProviderSettings
    preset: Preset
    settings: Settings

    def options(self) -> ProviderOptions:
        base_url, url_origin = self._base_url()
        key, headers, problem = None, {}, None
        try:
            key, headers = self._key(base_url, url_origin), self._headers()
        except UsageError as error:
            problem = error.message
        entry, is_vendor = self.entry, self.preset.vendor and base_url == self.preset.base_url
        return ProviderOptions(
            name=self.name,
            base_url=base_url,
            identity=entry.identity or (self.name if is_vendor or not base_url else normalised(base_url)),
            is_vendor=is_vendor,
            api=entry.api or "chat",
            api_key=key,
            key_source=self._key_source(url_origin),
            headers=headers,
            problem=problem,
            timeout=entry.timeout or DEFAULT_TIMEOUT,
            max_concurrency=entry.max_concurrency or DEFAULT_CONCURRENCY,
            requests_per_minute=entry.requests_per_minute,
            tokens_per_minute=entry.tokens_per_minute,
            prices=self.settings.prices,
        )

    @property
    def _environment(self) -> Environment:
        return self.settings.environment

    def _base_url(self) -> tuple[str, str]:
        if (self.entry.type or self.preset.type) in _WITHOUT_ADDRESS:
            return "", "preset"
        where = f"providers.{self.name}.base_url"
        variable = self.preset.url_variable
        if self.entry.base_url is not None:
            url, origin = self._environment.expand(self.entry.base_url, where=where), "promptlab.yaml"
        elif variable is not None and self._environment.get(variable):
            where, url = variable, self._environment.get(variable) or ""
            origin = self._environment.origin(variable)
        elif self.preset.base_url is not None:
            url, origin = self.preset.base_url, "preset"
        else:
            raise UsageError(f"{self.name} has no address; {self._how_to_say_address()}")
        try:
            return checked_url(url.strip()), origin
        except ValueError as error:
            raise UsageError(f"{where}: {error}") from None

    def _how_to_say_address(self) -> str:
        variable = self.preset.url_variable
        said = f"set providers.{self.name}.base_url in promptlab.yaml"
        return f"set {variable}, or {said}" if variable else said

    def _key_variable(self, url_origin: str) -> str | None:
        """Give the variable that holds the key; a preset's own is not for an address that a file says."""
        if self.entry.api_key is not None:
            return next(references(self.entry.api_key))
        return None if url_origin == "promptlab.yaml" else self.preset.key_variable

    def _key_source(self, url_origin: str) -> str:
        return self._key_variable(url_origin) or f"providers.{self.name}.api_key"

    def _key(self, base_url: str, url_origin: str) -> str | None:
        variable = self._key_variable(url_origin)
        key = self._environment.key(variable) if variable else None
        if variable is None or (key is None and self.entry.api_key is None and is_loopback(base_url)):
            return None
        if key is None:
            raise UsageError(f"{self.name} needs a key; export {variable} or put it into .env")
        if self.entry.api_key is None:
            self._refuse_leak(variable, base_url, url_origin)
        return key

    def _refuse_leak(self, variable: str, base_url: str, url_origin: str) -> None:
        """A project's `.env` alone must not send a key of the user's environment to another host."""
        if (
            url_origin == ".env"
            and self._environment.origin(variable) != ".env"
            and not is_loopback(base_url)
        ):
            raise UsageError(
                f"{self.preset.url_variable} comes from .env but {variable} from the environment; "
                "set both in one place, so that the key does not go where a project's file says"
            )

    def _headers(self) -> dict[str, str]:
        expanded = {}
        for header, text in self.entry.headers.items():
            value = self._environment.expand(text, where=f"providers.{self.name}.headers.{header}")
            if any(not character.isprintable() for character in value):
                raise UsageError(f"providers.{self.name}.headers.{header} has characters that no header has")
            expanded[header] = value
        return expanded
