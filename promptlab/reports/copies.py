"""What people copy from a trial: its row for a data file, a call as a command; never a key."""

import json
import re
from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from promptlab.core.config import ProviderSettings
from promptlab.core.frozen import replace
from promptlab.core.json import JSON, plain
from promptlab.engine.completion import CompletionRequest, Endpoint
from promptlab.engine.conversation import Message, Tool
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.messages import MessagesDialect
from promptlab.engine.providers.presets import PRESETS, Preset
from promptlab.engine.providers.responses import ResponsesDialect
from promptlab.schemas.run import TrialResult

_DIALECTS = {"chat": ChatDialect, "responses": ResponsesDialect, "anthropic": MessagesDialect}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset(("true", "false", "null"))
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEYS = {"anthropic": "ANTHROPIC_API_KEY"}
_ELSEWHERE = "$BASE_URL"


def yaml_row(trial: TrialResult) -> str:
    """Give the row of a trial as an item of a list in YAML; its values are written as JSON, which YAML is."""
    values: dict[str, JSON] = {"$id": trial.key.row_id, **(trial.columns or trial.inputs)}
    if trial.tags:
        values["$tags"] = [*trial.tags]
    lines = [f"{_key(name)}: {plain(value)}" for name, value in values.items()]
    return "- " + "\n  ".join(lines) + "\n"


def _key(name: str) -> str:
    is_plain = name in ("$id", "$tags") or (_PLAIN_KEY.fullmatch(name) and name not in _WORDS)
    return name if is_plain else plain(name)


def curl(provider: str, request: Any, *, own: ProviderSettings | None = None) -> str | None:
    """Give a recorded request to a model as a command; None where it is none.

    The key is named by its variable. What was attached is not on record: its place says so. `own`: the entry
    that the project has of the provider, if any.
    """
    preset = _preset(provider, own)
    api = "anthropic" if preset.type == "anthropic" else request.get("api")
    if api not in _DIALECTS:
        return None
    made = _DIALECTS[api]()
    body = made.body(_request(provider, request))
    address = f"{_base(preset, str(request['endpoint']))}{made.path}"
    text = json.dumps(body, indent=2, ensure_ascii=True)
    return " \\\n  ".join([f'curl "{address}"', *_headers(preset, api), f"--data {quote(text)}"])


def _preset(provider: str, own: ProviderSettings | None) -> Preset:
    """Give what is known of a provider; a key is named only where the project says its variable."""
    known = PRESETS.get(provider, Preset())
    said = _REFERENCE.fullmatch(own.api_key or "") if own is not None else None
    kind = own.type if own is not None and own.type else known.type
    variable = said[1] if said else known.key_variable or _KEYS.get(kind)
    return replace(known, type=kind, key_variable=variable)


def _headers(preset: Preset, api: str) -> Iterator[str]:
    variable = preset.key_variable or "OPENAI_API_KEY"
    if api == "anthropic":
        yield f'-H "x-api-key: ${variable}"'
        yield '-H "anthropic-version: 2023-06-01"'
    else:
        yield f'-H "Authorization: Bearer ${variable}"'
    yield '-H "Content-Type: application/json"'


def _base(preset: Preset, endpoint: str) -> str:
    """Give where it went, if the log tells; an address goes between quotes of a shell."""
    found = endpoint if endpoint.startswith(("http://", "https://")) else preset.base_url
    return found.rstrip("/") if found and not re.search(r"[\s\"'`$\\]", found) else _ELSEWHERE


def _request(provider: str, kept: Mapping[str, Any]) -> CompletionRequest:
    return CompletionRequest(
        endpoint=Endpoint(provider, str(kept["endpoint"]), kept["api"]),
        model=kept["model"],
        messages=tuple(Message.of({**said, "content": _text(said["content"])}) for said in kept["messages"]),
        params=kept["params"],
        json_schema=kept.get("schema"),
        tools=tuple(Tool(**tool) for tool in kept.get("tools", ())),
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = (
        part["text"] if part.get("type") == "text" else f"<{part.get('media_type')} was attached here>"
        for part in content
    )
    return "".join(parts)
