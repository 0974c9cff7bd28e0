"""Recall by itself: answers looked up in a log, some of them in one turn of the loop."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import batched
from pathlib import Path

from sqlalchemy import func, select

from promptlab.live.recall import Recaller
from promptlab.models import Completion
from promptlab.services.run_log import RunLog, open_run_log
from tests.bench.measure import Measure


def recall_from(path: Path, *, calls: int, at_once: int) -> Measure:
    """Look up answers from all over the log."""
    with open_run_log(path) as log, closing(Recaller(log, "")) as recaller:
        wanted = _fingerprints(log, calls)
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(_recall(recaller, wanted, at_once))
        return Measure(time.perf_counter() - wall, time.process_time() - cpu, 0)


async def _recall(recaller: Recaller, wanted: Sequence[str], at_once: int) -> None:
    for some in batched(wanted, at_once):
        await asyncio.gather(*(recaller.look_up(fingerprint, own_run_only=False) for fingerprint in some))


def _fingerprints(log: RunLog, count: int) -> Sequence[str]:
    with log.reading() as session:
        newest = session.scalar(select(func.max(Completion.id))) or 1
        ids = range(1, newest + 1, max(1, newest // count))
        query = select(Completion.fingerprint).where(Completion.id.in_(ids[:count]))
        return list(session.scalars(query))
