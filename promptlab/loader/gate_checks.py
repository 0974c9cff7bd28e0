"""Finds gates that ask for a metric or a variant that a pipeline has not."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from promptlab.loader.problems import did_you_mean
from promptlab.schemas.pipeline import Gate


def gate_problems(
    gates: Sequence[Gate], *, metrics: Collection[str], cells: Mapping[str, str]
) -> Iterator[tuple[tuple[int, str], str, Callable[[], str]]]:
    """Find gates that ask for what is not there: place in `gates`, message, hint.

    `cells`: variants by the names of cells.
    """
    variants = {*cells, *cells.values()}
    for index, gate in enumerate(gates):
        if gate.metric not in metrics:
            yield (index, "metric"), f"unknown metric '{gate.metric}'", did_you_mean(gate.metric, metrics)
        if gate.variant is not None and gate.variant not in variants:
            hint = did_you_mean(gate.variant, variants)
            yield (index, "variant"), f"unknown variant '{gate.variant}'", hint
