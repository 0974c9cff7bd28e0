"""A metric over all trials of one's own."""

from collections import Counter
from typing import Any


def misrouted(trials: list[dict[str, Any]], planned: int) -> dict[str, float]:
    """Give the tickets of each label that went elsewhere, and all of them as a share of those there are."""
    wrong = Counter(trial["columns"]["label"] for trial in trials if trial["status"] != "passed")
    return {**wrong, "share": (wrong.total() + planned - len(trials)) / planned}
