"""The metrics that every run has, and the names by which others are asked for."""

import re
from collections.abc import Mapping

SHARES = ("pass_rate", "error_rate", "score")
WORSE_BY_RISING = frozenset({"error_rate", "cost_usd", "latency_ms"})
OF_ROWS = ("pass_rate", "error_rate", "score", "cost_usd", "latency_ms")
"""The metrics of every run that each row says by itself, so that they can be compared row by row."""
BUILT_IN_METRICS = (
    "pass_rate",
    "error_rate",
    "score",
    "cost_usd",
    "spent_usd",
    "latency_ms",
    "latency_ms.p50",
    "latency_ms.p95",
)

COUNTS: Mapping[str, str] = {name: name for name in ("passed", "failed", "errored", "skipped", "left")} | {
    "count": "counted"
}
"""What formulas may name beside metrics, by the attribute of the counts that it is."""

PERCENTILE = re.compile(r"(.+)\.p([1-9]?[0-9])")
PASS_POWER = re.compile(r"pass\^([1-9][0-9]{0,4})")
FLAKY_RATE = "flaky_rate"
CLASS_PARTS = ("precision", "recall", "f1")
NO_ANSWER = "(no answer)"  # the class of what never came, in a confusion matrix
