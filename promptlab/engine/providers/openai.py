"""OpenAI, and every server that speaks its chat completions."""

from typing import Any

from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.http import HttpProvider
from promptlab.engine.providers.options import ProviderOptions
from promptlab.engine.providers.sdk import SdkLink, Vendor

RENAMES = {"mistral": {"seed": "random_seed"}}


class OpenAIProvider(HttpProvider):
    def __init__(self, options: ProviderOptions) -> None:
        dialect = ChatDialect(
            openai_rules=options.name in ("openai", "azure"), renames=RENAMES.get(options.name, {})
        )
        super().__init__(options, dialect, SdkLink(_vendor(options), options))


def _vendor(options: ProviderOptions) -> Vendor:
    def connect(sdk: Any, arguments: dict[str, Any]) -> Any:
        client = sdk.AsyncOpenAI(**arguments, admin_api_key="")
        if not options.is_vendor:
            client.organization = client.project = None
        return client

    return Vendor("openai", connect, "OPENAI_CUSTOM_HEADERS")
