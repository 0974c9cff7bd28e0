"""Errors that come with status 200: inside a plain body, or as an event of a stream."""

from typing import Any

_UNKNOWN = 502
_STATUS_OF_WORD = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "vector_store_timeout": 504,
    "overloaded_error": 529,
}
_ABOUT_THE_REQUEST = frozenset(
    {
        "invalid_request_error", "invalid_prompt", "data_residency_mismatch", "bio_policy",
        "misalignment_policy_violation", "invalid_image", "invalid_image_format", "invalid_base64_image",
        "invalid_image_url", "image_too_large", "image_too_small", "image_parse_error",
        "image_content_policy_violation", "invalid_image_mode", "image_file_too_large",
        "unsupported_image_media_type", "empty_image_file", "failed_to_download_image",
        "image_file_not_found",
    }
)  # fmt: skip


def error_in_body(found: Any) -> int | None:
    """Give the status that an error within a 200 stands for, or None where the answer is no error."""
    if not isinstance(found, dict) or not found.get("error"):
        return None
    error = found["error"] if isinstance(found["error"], dict) else {}
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:  # noqa: PLR2004
        return code
    statuses = (_status_of(error.get(key)) for key in ("code", "type"))
    return next((status for status in statuses if status is not None), _UNKNOWN)


def _status_of(word: Any) -> int | None:
    return 400 if str(word) in _ABOUT_THE_REQUEST else _STATUS_OF_WORD.get(str(word))
