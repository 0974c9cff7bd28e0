"""How scores, times and costs of a run's trials are spread."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.models import Trial
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import Distributions, Spread

BINS = 24
MOST_READ = 40_000
_T = Trial.__table__.c
_CHUNK = 2_000

type Values = defaultdict[str, list[float]]


class DistributionService:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, run: RunRecord) -> Distributions:
        """Give them; of a very long run only every so-manieth row is looked at."""
        one_in = max(1, -(-run.planned // MOST_READ))
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        kinds: tuple[Values, Values, Values] = (defaultdict(list), defaultdict(list), defaultdict(list))
        query = select(_T.cell, _T.status, _T.score, _T.latency_ms, _T.cost_usd).where(_T.run_id == run.id)
        if one_in > 1:
            query = query.where(_T.row % one_in == 0)
        for cell, status, *values in self._session.execute(query, execution_options={"yield_per": _CHUNK}):
            counts[cell][status] += 1
            if status in ("skipped", "left"):
                continue
            for value, kept in zip(values, kinds, strict=True):
                if value is not None:
                    kept[cell].append(value)
        return Distributions(
            pass_rates={cell: _rate(counts[cell]) for cell in run.cells},
            score=_spread(kinds[0], run.cells, tuple(number / 20 for number in range(21))),
            latency_ms=_spread(kinds[1], run.cells),
            cost_usd=_spread(kinds[2], run.cells),
            one_in=one_in,
        )


def _rate(counts: Counter[str]) -> float | None:
    judged = counts["passed"] + counts["failed"] + counts["errored"]
    return counts["passed"] / judged if judged else None


def _spread(
    values: Mapping[str, list[float]], cells: Sequence[str], edges: tuple[float, ...] = ()
) -> Spread | None:
    """Count values in bins of one width; the last holds all beyond the 99th percentile."""
    every = sorted(value for found in values.values() for value in found)
    if not every or (not edges and every[-1] == every[0]):
        return None
    edges = edges or _edges(every)
    counts = {cell: _counts(values.get(cell, []), edges) for cell in cells}
    return Spread(edges=edges, counts=counts)


def _edges(every: Sequence[float]) -> tuple[float, ...]:
    low, high = every[0], every[min(len(every) - 1, len(every) * 99 // 100)]
    width = ((high if high > low else every[-1]) - low) / BINS
    return tuple(low + width * number for number in range(BINS + 1))


def _counts(values: Sequence[float], edges: Sequence[float]) -> tuple[int, ...]:
    last = len(edges) - 2
    found = Counter(min(last, max(0, bisect_right(edges, value) - 1)) for value in values)
    return tuple(found[number] for number in range(last + 1))
