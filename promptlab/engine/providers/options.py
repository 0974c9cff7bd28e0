"""What a provider is built with, and what is known of its models before they are asked."""

from collections.abc import Mapping
from dataclasses import field

from promptlab.core.config import PriceSettings
from promptlab.core.frozen import frozen
from promptlab.engine.completion import Endpoint
from promptlab.engine.pricing import price_of
from promptlab.engine.provider import ModelProfile
from promptlab.engine.providers.failures import Caller
from promptlab.engine.providers.forms import forms_taken
from promptlab.engine.providers.model_rules import Vendor, rules_of

DEFAULT_TIMEOUT = 120.0
DEFAULT_CONCURRENCY = 64
CONNECT_TIMEOUT = 10.0
MAX_CONNECTIONS = 4_096  # Throttle limits; the client's own pool never does
_TABLES: Mapping[str, Vendor] = {"openai": "openai", "azure": "openai", "anthropic": "anthropic"}


@frozen(kw_only=True)
class ProviderOptions:
    """All that a provider needs; `timeout` in seconds of one attempt, rates per minute.

    `problem`: why it cannot be asked, such as a missing key; what was recorded is found all the same.
    """

    name: str
    base_url: str = ""
    identity: str = ""
    is_vendor: bool = False
    api: str = "chat"
    api_key: str | None = field(default=None, repr=False)
    key_source: str = "its key"
    problem: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = DEFAULT_TIMEOUT
    max_concurrency: int = DEFAULT_CONCURRENCY
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    prices: Mapping[str, PriceSettings] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        values = (self.api_key or "", *self.headers.values())
        secrets = sorted((value for value in values if len(value) > 3), key=len, reverse=True)  # noqa: PLR2004
        return Caller(self.name, self.base_url, self.key_source, tuple(secrets), self.api)

    def profile(self, model: str) -> ModelProfile:
        return ModelProfile(
            endpoint=Endpoint(self.name, self.identity, self.api),
            model=model,
            price=price_of(self.name, model, self.prices),
            max_output_tokens=self._ceiling(model),
            max_concurrency=self.max_concurrency,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            takes=forms_taken(self.name, model),
        )

    def _ceiling(self, model: str) -> int | None:
        vendor = _TABLES.get(self.name)
        return rules_of(vendor, model).longest if vendor is not None else None
