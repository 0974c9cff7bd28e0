"""How long each kind of check takes over answers of a megabyte that are made to be hard."""

import asyncio
import json
import time
from collections.abc import Iterator

from promptlab.core.json import JSON
from tests.bench.table import say
from tests.hostile import MEGABYTE, hostile
from tests.judged import evidence, verdicts
from tests.structure_samples import said
from tests.test_checks import EACH

TRIES = 3


def print_hard_answers() -> None:
    """Print the CPU time of the slowest answer of each type of check, the least of a few tries."""
    say("CPU of the slowest hard answer of 1 MB, least of 3")
    for milliseconds, type_, answer, status in sorted(_slowest(), reverse=True):
        say(f"{milliseconds:6.0f} ms  {type_:32}{answer:18}{status}")


def _slowest() -> Iterator[tuple[float, str, str, str]]:
    answers = hostile(MEGABYTE)
    for source in EACH:
        asyncio.run(_milliseconds(source, "warm"))
        took = [
            (*min(asyncio.run(_milliseconds(source, text)) for _ in range(TRIES)), name)
            for name, text in answers.items()
        ]
        milliseconds, status, name = max(took)
        yield milliseconds, json.dumps(source)[:30], name, status


async def _milliseconds(source: JSON, text: str) -> tuple[float, str]:
    given = evidence(said(None, output=text, finish_reason="stop", logprobs=(-0.5,)))
    started = time.process_time()
    (verdict,) = await verdicts([source], given)
    return (time.process_time() - started) * 1000, verdict.status
