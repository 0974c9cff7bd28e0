"""Anthropic's models."""

from typing import Any

from promptlab.core.frozen import replace
from promptlab.engine.provider import ModelProfile
from promptlab.engine.providers.http import HttpProvider
from promptlab.engine.providers.messages import MessagesDialect
from promptlab.engine.providers.options import ProviderOptions
from promptlab.engine.providers.sdk import SdkLink, Vendor


class AnthropicProvider(HttpProvider):
    def __init__(self, options: ProviderOptions) -> None:
        vendor = Vendor("anthropic", _connect, "ANTHROPIC_CUSTOM_HEADERS")
        super().__init__(options, MessagesDialect(), SdkLink(vendor, options))

    def profile(self, model: str) -> ModelProfile:
        return replace(super().profile(model), needs_turn=True)


def _connect(sdk: Any, arguments: dict[str, Any]) -> Any:
    return sdk.AsyncAnthropic(**arguments)
