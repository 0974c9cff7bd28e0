"""What models cost: the project's own prices first, then the table that comes with genai-prices, offline."""

from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from promptlab.engine.provider import Price
from promptlab.engine.providers.presets import PRESETS

if TYPE_CHECKING:
    from promptlab.core.config import PriceSettings

FREE = Price(input=0.0, output=0.0)


def price_of(provider: str, model: str, overrides: Mapping[str, "PriceSettings"]) -> Price | None:
    """Give the price of `provider/model`; None: unknown.

    Of the `overrides`, patterns of whole model names, the longest that fits counts. Where a price rises
    with the length of the input, the dearest tier is given, so that a limit on cost holds.
    """
    name = f"{provider}/{model}"
    fitting = [pattern for pattern in overrides if fnmatchcase(name, pattern)]
    if fitting:
        chosen = overrides[max(fitting, key=len)]
        return Price(input=chosen.input, output=chosen.output, cached=chosen.cached)
    preset = PRESETS.get(provider)
    if preset is None:
        return None
    return FREE if preset.free else _listed(preset.price_table, model)


@cache
def _listed(table: str | None, model: str) -> Price | None:
    if table is None:
        return None
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    try:
        _, found = get_snapshot().find_provider_model(model, None, table, None)
    except LookupError:
        return None
    listed = found.get_prices(datetime.now(tz=UTC))
    paid = _dearest(listed.input_mtok), _dearest(listed.output_mtok)
    if paid[0] is None or paid[1] is None:
        return None
    return Price(input=paid[0], output=paid[1], cached=_dearest(listed.cache_read_mtok))


def _dearest(price: Any) -> float | None:
    if price is None:
        return None
    tiers = getattr(price, "tiers", None)
    return float(price) if tiers is None else float(max([price.base, *(tier.price for tier in tiers)]))
