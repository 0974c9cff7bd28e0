"""Why answers end, in one vocabulary for all vendors."""

from typing import Final

REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "refusal", "other")
_OTHER_NAMES: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "safety": "content_filter",
}


def reason_of(said: str) -> str:
    """Give our name of a reason, whatever vendor's it is; lower case where it is nobody's."""
    plain = said.strip().lower()
    return _OTHER_NAMES.get(plain, plain)
