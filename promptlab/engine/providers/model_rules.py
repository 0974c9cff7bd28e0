"""What the vendors' own models are known to refuse, in one literal table each, as of November 2026.

A model that no row begins is held to nothing: its vendor will say. The first row that fits counts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.provider import ParamsFault
from promptlab.engine.providers.dialect import refuse

__all__ = ["ModelRules", "Vendor", "hold_to", "is_reasoning", "rules_of"]

type Vendor = Literal["openai", "anthropic"]

_LOW_TO_HIGH = ("low", "medium", "high")
_UP_TO_MAX = (*_LOW_TO_HIGH, "xhigh", "max")
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_NOR_STOP = (*_SAMPLING, "stop")
_MOST_STOPS: Mapping[Vendor, int | None] = {"openai": 4, "anthropic": None}


@frozen(kw_only=True)
class ModelRules:
    """`longest`: its longest answer, in tokens; `efforts`: what its reasoning_effort may be; None: not known.

    `has_no`: params that it does not take; with an effort of `none`, `stop` alone of them.
    """

    longest: int | None = None
    efforts: tuple[str, ...] | None = None
    has_no: tuple[str, ...] = ()


def _reasons(longest: int | None, *efforts: str, has_no: tuple[str, ...] = _NOR_STOP) -> ModelRules:
    return ModelRules(longest=longest, efforts=efforts or None, has_no=has_no)


def _answers(longest: int | None) -> ModelRules:
    return ModelRules(longest=longest, efforts=())


_RULES: Mapping[Vendor, Sequence[tuple[str, ModelRules]]] = {
    "openai": (
        (r"gpt-5-chat", _answers(16_384)),
        (r"gpt-5-pro", _reasons(272_000, "high")),
        (r"gpt-5-codex", _reasons(128_000, *_LOW_TO_HIGH)),
        (r"gpt-5\.\d+-(chat|codex|pro)", _reasons(128_000)),
        (r"gpt-5\.1\b", _reasons(128_000, "none", *_LOW_TO_HIGH)),
        (r"gpt-5\.[2-4]\b", _reasons(128_000, "none", *_LOW_TO_HIGH, "xhigh")),
        (r"gpt-5\.5\b", _reasons(128_000, "none", *_LOW_TO_HIGH, "xhigh", has_no=_SAMPLING)),
        (r"gpt-5\.6\b", _reasons(128_000, "none", *_UP_TO_MAX, has_no=_SAMPLING)),
        (r"gpt-5\.\d", _reasons(128_000, has_no=_SAMPLING)),
        (r"gpt-5\b", _reasons(128_000, "minimal", *_LOW_TO_HIGH)),
        (r"gpt-(6-astra|6\.1-sol)", _reasons(None, *_UP_TO_MAX, has_no=_SAMPLING)),
        (r"gpt-[6-9]\b", _reasons(None, has_no=_SAMPLING)),
        (r"o1-mini", ModelRules(longest=65_536, efforts=(), has_no=_SAMPLING)),
        (r"o1-preview", ModelRules(longest=32_768, efforts=(), has_no=_SAMPLING)),
        (r"o1\b|o3-mini", _reasons(100_000, *_LOW_TO_HIGH, has_no=_SAMPLING)),
        (r"o\d\b", _reasons(100_000, *_LOW_TO_HIGH)),
        (r"gpt-4o", _answers(16_384)),
        (r"gpt-4\.1", _answers(32_768)),
        (r"gpt-4-(turbo|0125|1106|vision)", _answers(4_096)),
        (r"gpt-4-32k|gpt-4\.", _answers(None)),
        (r"gpt-4\b", _answers(8_192)),
        (r"gpt-3\.5", _answers(4_096)),
    ),
    "anthropic": (
        (r"claude-(haiku|sonnet)-4-5", ModelRules(longest=64_000, efforts=())),
        (r"claude-opus-4-5", ModelRules(longest=64_000, efforts=_LOW_TO_HIGH)),
        (
            r"claude-((opus|sonnet)-4-6|mythos-preview)",
            ModelRules(longest=128_000, efforts=(*_LOW_TO_HIGH, "max")),
        ),
        (
            r"claude-(opus-4-[78]|(fable|haiku|mythos|opus|sonnet)-5)\b",
            ModelRules(longest=128_000, efforts=_UP_TO_MAX),
        ),
        (r"", ModelRules(efforts=_UP_TO_MAX)),
    ),
}


def rules_of(vendor: Vendor, model: str) -> ModelRules:
    """Give what is known of a model, also of one that was tuned (`ft:…`) or stands behind a folder."""
    name = model.rpartition("/")[2].removeprefix("ft:")
    return next((rules for start, rules in _RULES[vendor] if re.match(start, name)), ModelRules())


def is_reasoning(model: str) -> bool:
    """Say whether a model of OpenAI reasons before it answers."""
    return bool(rules_of("openai", model).has_no)


def hold_to(vendor: Vendor, model: str, params: Mapping[str, JSON]) -> None:
    """Raise ParamsFault for what the model does not take; `params` by their common names."""
    rules, effort = rules_of(vendor, model), params.get("reasoning_effort")
    _check_effort(model, effort, rules.efforts)
    refuse(params, tuple(name for name in rules.has_no if effort != "none" or name == "stop"), model)
    longest, stop = params.get("max_tokens"), params.get("stop")
    if isinstance(longest, int) and rules.longest is not None and longest > rules.longest:
        message = f"{model} answers with {rules.longest:,} tokens at most, and max_tokens is {longest:,}"
        raise ParamsFault(message, "max_tokens")
    most = _MOST_STOPS[vendor]
    if isinstance(stop, list) and most is not None and len(stop) > most:
        raise ParamsFault(f"{model} takes {most} texts in `stop` at most, and these are {len(stop)}", "stop")


def _check_effort(model: str, effort: JSON, known: tuple[str, ...] | None) -> None:
    if effort is None or known is None or effort in known:
        return
    if not known:
        raise ParamsFault(f"{model} has no reasoning_effort; take it out of params", "reasoning_effort")
    message = f"{model} has no reasoning_effort {effort}; it has {', '.join(known)}"
    raise ParamsFault(message, "reasoning_effort")
