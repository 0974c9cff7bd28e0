"""Prices: the project's own, the built-in table, free models, and unknown ones."""

import pytest

from promptlab.core.config import PriceSettings
from promptlab.engine.pricing import FREE, price_of
from promptlab.engine.provider import Price

OWN = {
    "vllm/*": PriceSettings(input=0.1, output=0.4),
    "vllm/big-*": PriceSettings(input=1, output=4, cached=0.5),
    "openai/gpt-4o-mini": PriceSettings(input=9, output=9),
}


@pytest.mark.parametrize(
    ("provider", "model", "price"),
    [
        ("vllm", "small", Price(0.1, 0.4)),
        ("vllm", "big-one", Price(1, 4, 0.5)),
        ("openai", "gpt-4o-mini", Price(9, 9)),
        ("openai", "gpt-4o", Price(2.5, 10, 1.25)),
        ("local", "smollm2-135m", FREE),
        ("echo", "echo", FREE),
        ("ollama", "llama3", None),
        ("mine", "gpt-4o", None),
        ("openai", "no-such-model-at-all", None),
    ],
)
def test_a_price_is_the_projects_or_the_tables_or_unknown(
    provider: str, model: str, price: Price | None
) -> None:
    """
    Given prices of the project for some models,
    when a model's price is asked,
    then the narrowest of the project's counts, else the table's; what nobody knows is unknown, not 0.
    """
    assert price_of(provider, model, OWN) == price


def test_a_price_that_rises_with_length_is_the_dearest() -> None:
    """
    Given a model that costs more per token of long inputs,
    when its price is asked,
    then it is that of long inputs, so that a limit on cost holds.
    """
    price = price_of("anthropic", "claude-sonnet-4-5", {})

    assert price is not None
    assert (price.input, price.output) == (6, 22.5)
