"""Providers and their models as the API tells them."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer

EXAMPLE: dict[str, Any] = {
    "name": "openai",
    "origin": "preset",
    "address": "https://api.openai.com/v1",
    "is_vendor": True,
    "key_variable": "OPENAI_API_KEY",
    "key_is_set": False,
    "prices": "built in",
    "models": [],
    "problem": "OPENAI_API_KEY is not set",
}


class ProviderAnswer(Answer):
    """A provider; of its key no more than the variable's name. `models`: those that are known by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str
    origin: Literal["preset", "promptlab.yaml"]
    address: str | None
    is_vendor: bool
    key_variable: str | None
    key_is_set: bool
    prices: Literal["free", "promptlab.yaml", "built in", "unknown"]
    models: list[str]
    problem: Annotated[str | None, Field(description="Why it cannot be asked.")]


class ProviderList(Answer):
    providers: list[ProviderAnswer]
