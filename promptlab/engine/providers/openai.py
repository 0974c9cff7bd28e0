"""OpenAI, and every server that speaks its chat completions or its responses."""

from typing import Any

from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.dialect import Dialect
from promptlab.engine.providers.http import HttpProvider
from promptlab.engine.providers.options import ProviderOptions
from promptlab.engine.providers.responses import ResponsesDialect
from promptlab.engine.providers.sdk import SdkLink, Vendor

RENAMES = {"mistral": {"seed": "random_seed"}}


class OpenAIProvider(HttpProvider):
    def __init__(self, options: ProviderOptions) -> None:
        super().__init__(options, _dialect(options), SdkLink(_vendor(options), options))


def _dialect(options: ProviderOptions) -> Dialect:
    openai_rules = options.name in ("openai", "azure")
    if options.api == "responses":
        return ResponsesDialect(openai_rules)
    return ChatDialect(openai_rules, RENAMES.get(options.name, {}))


def _vendor(options: ProviderOptions) -> Vendor:
    def connect(sdk: Any, arguments: dict[str, Any]) -> Any:
        client = sdk.AsyncOpenAI(**arguments, admin_api_key="")
        if not options.is_vendor:
            client.organization = client.project = None
        return client

    return Vendor("openai", connect, "OPENAI_CUSTOM_HEADERS")
