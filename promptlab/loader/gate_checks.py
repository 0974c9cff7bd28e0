"""Finds gates that ask for a metric or a variant that a pipeline has not."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from promptlab.loader.problems import did_you_mean
from promptlab.schemas.gate import Gate, OtherVariant
from promptlab.schemas.metrics import OF_ROWS

type GateProblem = tuple[tuple[int | str, ...], str, Callable[[], str]]


def gate_problems(
    gates: Sequence[Gate],
    *,
    metrics: Collection[str],
    cells: Mapping[str, str],
    by_check: Collection[str] = (),
) -> Iterator[GateProblem]:
    """Find gates that ask for what is not there: place in `gates`, message, hint.

    `cells`: variants by the names of cells; `by_check`: the metrics that are mean scores of checks.
    """
    variants = {*cells, *cells.values()}
    for index, gate in enumerate(gates):
        if gate.metric not in metrics:
            yield (index, "metric"), f"unknown metric '{gate.metric}'", did_you_mean(gate.metric, metrics)
        elif gate.against is not None and gate.metric not in {*OF_ROWS, *by_check}:
            message = f"{gate.metric} is nothing that each row says, so it cannot be compared row by row"
            yield (index, "metric"), message, _metrics_of_rows(by_check)
        if gate.variant is not None and gate.variant not in variants:
            hint = did_you_mean(gate.variant, variants)
            yield (index, "variant"), f"unknown variant '{gate.variant}'", hint
        if isinstance(gate.against, OtherVariant):
            yield from _base_problems(index, gate, gate.against.variant, set(cells.values()))


def _base_problems(index: int, gate: Gate, base: str, variants: set[str]) -> Iterator[GateProblem]:
    place = (index, "against", "variant")
    if base not in variants:
        yield place, f"unknown variant '{base}'", did_you_mean(base, variants)
    elif base == gate.variant or variants == {base}:
        yield place, f"'{base}' is held against itself", lambda: "name another variant"


def _metrics_of_rows(by_check: Collection[str]) -> Callable[[], str]:
    return lambda: f"compare one of {', '.join([*OF_ROWS, *sorted(by_check)])}"
