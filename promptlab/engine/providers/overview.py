"""What is known of each provider without asking it: its address, its key, its prices."""

from typing import Literal

from promptlab.core.config import ProviderSettings, Settings
from promptlab.core.display import masked
from promptlab.core.environment import references
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.engine.provider import Provider
from promptlab.engine.providers.embedded import MODELS
from promptlab.engine.providers.factory import build_provider
from promptlab.engine.providers.presets import PRESETS, Preset

type Prices = Literal["free", "promptlab.yaml", "built in", "unknown"]

_MODELS = {"local": tuple(MODELS), "echo": ("echo",)}


@frozen(kw_only=True)
class ProviderFacts:
    """`is_vendor`: the address is the vendor's own; `models`: those that are known by name.

    `problem`: why it cannot be asked, such as a missing key.
    """

    name: str
    origin: Literal["preset", "promptlab.yaml"]
    address: str | None
    is_vendor: bool
    key_variable: str | None
    key_is_set: bool
    prices: Prices
    models: tuple[str, ...]
    problem: str | None


def provider_facts(settings: Settings) -> list[ProviderFacts]:
    """Give the facts of each provider; no key's value is among them."""
    return [_facts(name, settings) for name in dict.fromkeys((*PRESETS, *settings.providers))]


def problem_of(provider: Provider, model: str) -> str | None:
    """Say why `model` cannot be asked, and what to do; None where it can be, as far as is known here."""
    try:
        provider.check(model)
    except UsageError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return None


def _facts(name: str, settings: Settings) -> ProviderFacts:
    entry, preset = settings.providers.get(name), PRESETS.get(name, Preset())
    variable, address = _key_variable(entry, preset), _address(entry, preset, settings)
    return ProviderFacts(
        name=name,
        origin="preset" if entry is None else "promptlab.yaml",
        address=address,
        is_vendor=preset.vendor and address == preset.base_url,
        key_variable=variable,
        key_is_set=variable is not None and bool(settings.environment.get(variable)),
        prices=_prices(name, preset, settings),
        models=tuple(_MODELS.get(name, ())),
        problem=_problem(name, settings),
    )


def _address(entry: ProviderSettings | None, preset: Preset, settings: Settings) -> str | None:
    if entry is not None and entry.base_url is not None:
        return entry.base_url
    variable = preset.url_variable
    said = settings.environment.get(variable) if variable is not None else None
    return masked(said) if said else preset.base_url


def _key_variable(entry: ProviderSettings | None, preset: Preset) -> str | None:
    if entry is not None and (entry.api_key is not None or entry.base_url is not None):
        return next(references(entry.api_key or ""), None)
    return preset.key_variable


def _prices(name: str, preset: Preset, settings: Settings) -> Prices:
    if any(pattern.startswith((f"{name}/", "*")) for pattern in settings.prices):
        return "promptlab.yaml"
    if preset.free:
        return "free"
    return "unknown" if preset.price_table is None else "built in"


def _problem(name: str, settings: Settings) -> str | None:
    try:
        provider = build_provider(name, settings)
    except UsageError as error:
        return error.message
    return problem_of(provider, next(iter(_MODELS.get(name, ("any",)))))
