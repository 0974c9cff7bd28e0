"""Trials that have begun go before new ones: for places at a model, and for what limits leave."""

import asyncio
from collections import Counter
from typing import Any, Literal

import pytest

from promptlab.core.json import JSON
from promptlab.engine.assembly import RunOptions
from promptlab.engine.provider import InvalidRequest
from promptlab.schemas.pipeline import Limits
from tests.engine_kit import Bench, ask

CHAIN = (
    ask("a", "a {{ word }}"),
    ask("b", "b {{ word }} {{ a.output }}", needs=["a"]),
    ask("c", "c {{ word }} {{ b.output }}", needs=["b"]),
)
COST = (10 * 1.0 + 5 * 2.0) / 1e6  # of one call of the scripted provider


class Soon(asyncio.Event):
    """Comes after some turns of the loop, in which all else goes on."""

    async def wait(self) -> Literal[True]:
        for _ in range(50):
            await asyncio.sleep(0)
        return True


def rows(count: int) -> list[dict[str, JSON]]:
    return [{"word": f"{number:03}"} for number in range(count)]


def bench(*steps: dict[str, Any], count: int = 100, at_once: int | None = None, **limits: Any) -> Bench:
    """Give rows of three steps each under limits, on a provider that answers at once."""
    options = RunOptions(limits=Limits.model_validate(limits), max_concurrency=at_once)
    return Bench({"steps": list(steps or CHAIN)}, rows=rows(count), options=options)


@pytest.mark.parametrize("at_once", [None, 1, 4, 64])
@pytest.mark.parametrize(
    ("limit", "whole"),
    [({"requests": 60}, 20), ({"total_tokens": 60 * 15}, 14), ({"cost_usd": 60 * COST}, 14)],
)
async def test_a_limit_is_spent_on_whole_trials(
    limit: dict[str, Any], whole: int, at_once: int | None
) -> None:
    """
    Given a hundred trials of three calls each, and a limit that sixty calls fit in,
    when they run, however many calls at once,
    then nearly all calls that were made belong to trials that are done.
    """
    one = bench(at_once=at_once, **limit)

    trials = await one.run()

    assert len(trials) >= whole
    assert one.counts.sent - 3 * len(trials) <= 3
    assert one.brake.stop is not None


async def test_a_place_that_is_free_goes_to_a_trial_that_has_begun() -> None:
    """
    Given many trials of three calls each, and a model that takes 8 calls at once, of which few are free,
    when they run without any limit,
    then hardly more trials are under way than there are places, and rows are come to in order.
    """
    one = bench(count=60, at_once=32)
    one.provider.gate = Soon()
    one.engine.throttle.max_concurrency = 8

    await one.run()

    calls = Counter[str]()
    under_way = []
    for request in one.provider.journal:
        calls[request.messages[-1].text.split()[1]] += 1
        under_way.append(sum(made < 3 for made in calls.values()))
    assert max(under_way) <= 3 * 8
    assert list(calls) == sorted(calls)


async def test_what_cannot_be_foreseen_keeps_no_run_from_its_end() -> None:
    """
    Given trials that ask the same, and make fewer calls than their steps say, under a limit they fit in,
    when they run,
    then all are done.
    """
    steps = (
        ask("same", "the same for all"),
        ask("own", "own {{ word }} {{ same.output }}", needs=["same"]),
        ask("never", "never {{ own.output }}", needs=["own"], when="word == 'other'"),
    )
    one = bench(*steps, count=20, requests=21)

    trials = await one.run()

    assert (len(trials), one.counts.sent, one.brake.stop) == (20, 21, None)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_where_every_trial_errs_no_more_do_than_the_limit_says(limit: int) -> None:
    """
    Given a hundred trials that all err, and a limit on errors,
    when they run with many calls at once,
    then just so many errored, and no other call left.
    """
    one = bench(ask("a"), errors=limit)
    one.provider.answers = [InvalidRequest("no", status=400)]

    trials = await one.run()

    assert (len(trials), one.counts.sent) == (limit, limit)
    assert one.brake.stop is not None


async def test_trials_that_pass_make_room_for_more_at_once() -> None:
    """
    Given a limit on errors that nothing reaches,
    when many trials run,
    then they soon use every place there is.
    """
    one = bench(ask("a"), errors=2, count=200, at_once=64)
    one.provider.gate = Soon()

    trials = await one.run()

    assert len(trials) == 200
    assert one.provider.most_in_flight > 32


async def test_a_run_that_is_stopped_waits_for_no_room() -> None:
    """
    Given trials that wait for room in a limit,
    when the first of them fails and --fail-fast is set,
    then the run ends.
    """
    one = bench(ask("a"), ask("b", "b {{ a.output }}", needs=["a"]), requests=2)
    one.engine.runner.fail_fast = True
    one.provider.answers = [InvalidRequest("no", status=400)]

    trials = await one.run()

    assert (len(trials), one.counts.sent) == (1, 1)
