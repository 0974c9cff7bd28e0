"""Reads the trials of a stored run with what they say for metrics, which is rendered anew."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import batched

from promptlab.analysis.measures import Measures
from promptlab.engine.metric import Metric
from promptlab.schemas.run import Sample, TrialResult

AT_ONCE = 64

type Sampled = tuple[TrialResult, dict[str, Sample]]


def sampled(trials: Iterable[TrialResult], measures: Measures) -> Iterator[Sampled]:
    """Give the trials with their samples; nothing of the project is run but templates of metrics."""
    if not any(metric.key == "classification" for cell in measures.cells for metric in cell.metrics):
        return ((trial, {}) for trial in trials)
    return _rendered(trials, measures)


def _rendered(trials: Iterable[TrialResult], measures: Measures) -> Iterator[Sampled]:
    with asyncio.Runner() as runner:
        stream = _sampled(trials, measures)
        while (found := runner.run(anext(stream, None))) is not None:
            yield from found


async def _sampled(trials: Iterable[TrialResult], measures: Measures) -> AsyncIterator[list[Sampled]]:
    from promptlab.engine.rendering import Renderer  # noqa: PLC0415
    from promptlab.engine.sampling import samples_of  # noqa: PLC0415

    metrics: dict[str, tuple[Metric, ...]] = {cell.name: cell.metrics for cell in measures.cells}
    async with Renderer() as renderer:
        for some in batched(trials, AT_ONCE):
            asked = (samples_of(metrics.get(one.key.cell, ()), one, renderer.render) for one in some)
            yield list(zip(some, await asyncio.gather(*asked), strict=True))
