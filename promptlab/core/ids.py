"""Ids of runs: 26 characters that sort by time."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, without i l o u
_RANDOM_BITS, _LENGTH = 80, 26


def new_id() -> str:
    """Give an id of milliseconds since 1970 and chance, so that later ids are greater texts."""
    number = ((time.time_ns() // 1_000_000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
