"""Finds gates that ask for a metric or a variant that a pipeline has not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from promptlab.engine.check import Check
from promptlab.engine.step import Step
from promptlab.loader.problems import did_you_mean
from promptlab.schemas.metrics import BUILT_IN_METRICS
from promptlab.schemas.pipeline import Gate, PipelineSpec


def gate_problems(
    gates: Sequence[Gate], *, metrics: Iterable[str], cells: Mapping[str, str]
) -> Iterator[tuple[tuple[int, str], str, Callable[[], str]]]:
    """Find gates that ask for what is not there: place in `gates`, message, hint.

    `cells`: variants by the names of cells.
    """
    known, variants = frozenset(metrics), {*cells, *cells.values()}
    for index, gate in enumerate(gates):
        if gate.metric not in known:
            yield (index, "metric"), f"unknown metric '{gate.metric}'", did_you_mean(gate.metric, known)
        if gate.variant is not None and gate.variant not in variants:
            hint = did_you_mean(gate.variant, variants)
            yield (index, "variant"), f"unknown variant '{gate.variant}'", hint


def known_metrics(specs: Iterable[PipelineSpec]) -> frozenset[str]:
    """Give the names that a gate may ask for: the built-in ones, and those of the cells' checks."""
    own = {check.metric for spec in specs for check in _all_checks(spec) if check.metric is not None}
    return frozenset(BUILT_IN_METRICS) | own


def _all_checks(spec: PipelineSpec) -> Iterator[Check]:
    yield from spec.checks
    for step in spec.steps:
        yield from _checks_of(step)


def _checks_of(step: Step) -> Iterator[Check]:
    """Give the checks of a step, and of all inside it."""
    yield from step.checks
    yield from step.inner_checks
    for inner in step.inner:
        yield from _checks_of(inner)
