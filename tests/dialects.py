"""The dialects that providers over HTTP speak, and a provider that speaks one to any address."""

from typing import Any

from promptlab.core.config import SettingsFile, settle
from promptlab.core.environment import Environment
from promptlab.engine.provider import Provider
from promptlab.engine.providers.factory import build_provider
from tests.fakes import FakeProvider

KEY = "fake-key-abcdef0123456789"
ENTRIES: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai"},
    "responses": {"type": "openai", "api": "responses"},
    "anthropic": {"type": "anthropic"},
}
DIALECTS = tuple(ENTRIES)


def address_at(fake_provider: FakeProvider, dialect: str) -> str:
    return fake_provider.anthropic_base_url if dialect == "anthropic" else fake_provider.base_url


def provider_at(dialect: str, base_url: str, *, timeout: float = 5.0) -> Provider:
    """Build the provider `fake`, which asks at this address in this dialect."""
    entry = {**ENTRIES[dialect], "base_url": base_url, "api_key": "${FAKE_KEY}", "timeout": timeout}
    file = SettingsFile.model_validate({"providers": {"fake": entry}})
    return build_provider("fake", settle(file, environment=Environment({"FAKE_KEY": KEY})))
