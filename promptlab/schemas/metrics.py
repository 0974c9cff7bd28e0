"""The metrics that every run has."""

SHARES = ("pass_rate", "error_rate", "score")
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
