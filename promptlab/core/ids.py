"""Ids of runs: 26 characters that sort by time."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, without i l o u
_RANDOM_BITS, _LENGTH = 80, 26


def new_id() -> str:
    """Give an id of milliseconds since 1970 and chance, so that later ids are greater texts."""
    return _written(((time.time_ns() // 1_000_000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))


def lowest_id(at: float) -> str:
    """Give the lowest id of a time, in seconds since 1970: those made from then on are not below it."""
    return _written(int(at * 1_000) << _RANDOM_BITS)


def _written(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
