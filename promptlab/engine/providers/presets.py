"""The providers that are known by name, in one literal table; `providers` in promptlab.yaml adds others."""

from promptlab.core.frozen import frozen


@frozen(kw_only=True)
class Preset:
    """Where a provider is and whose variables hold its key and address.

    `vendor`: the address is one and the same for everybody, so the name identifies it.
    `price_table`: its name in the built-in prices; None: unknown, unless `free`.
    """

    type: str = "openai"
    base_url: str | None = None
    key_variable: str | None = None
    url_variable: str | None = None
    vendor: bool = False
    price_table: str | None = None
    free: bool = False


def _vendor(
    base_url: str,
    key_variable: str,
    price_table: str,
    *,
    kind: str = "openai",
    url_variable: str | None = None,
) -> Preset:
    return Preset(
        type=kind,
        base_url=base_url,
        key_variable=key_variable,
        url_variable=url_variable,
        price_table=price_table,
        vendor=True,
    )


PRESETS: dict[str, Preset] = {
    "openai": _vendor(
        "https://api.openai.com/v1", "OPENAI_API_KEY", "openai", url_variable="OPENAI_BASE_URL"
    ),
    "anthropic": _vendor(
        "https://api.anthropic.com",
        "ANTHROPIC_API_KEY",
        "anthropic",
        kind="anthropic",
        url_variable="ANTHROPIC_BASE_URL",
    ),
    "openrouter": _vendor("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openrouter"),
    "gemini": _vendor("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", "google"),
    "groq": _vendor("https://api.groq.com/openai/v1", "GROQ_API_KEY", "groq"),
    "mistral": _vendor("https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistral"),
    "deepseek": _vendor("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek"),
    "azure": Preset(
        key_variable="AZURE_OPENAI_API_KEY", url_variable="AZURE_OPENAI_BASE_URL", price_table="azure"
    ),
    "ollama": Preset(base_url="http://127.0.0.1:11434/v1"),
    "vllm": Preset(base_url="http://127.0.0.1:8000/v1"),
    "llama.cpp": Preset(base_url="http://127.0.0.1:8080/v1"),
    "lmstudio": Preset(base_url="http://127.0.0.1:1234/v1"),
    "local": Preset(type="local", free=True),
    "echo": Preset(type="echo", free=True),
}
