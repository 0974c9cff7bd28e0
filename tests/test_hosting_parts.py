"""What the runs of a server share: what they may spend, and how listeners hear of them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from promptlab.core.errors import Busy, LimitReached
from promptlab.live.hosting.channel import ROOM, Channel, Told
from promptlab.live.hosting.outlet import ATOMIC, Outlet
from promptlab.live.hosting.purse import ServerPurse
from promptlab.live.hosting.streamed import Streamed
from promptlab.schemas.events import TextEnded, TextReceived
from promptlab.schemas.run import TrialKey

KEY = TrialKey(row=0, row_id="r0", cell="base")


async def heard(following: AsyncIterator[Told], number: int) -> list[str]:
    return [f"{told.kind} {told.data}" for told in [await anext(following) for _ in range(number)]]


async def all_heard(channel: Channel, last: str | None = None) -> list[Told]:
    return [told async for told in channel.follow(last)]


async def test_a_listener_hears_events_in_order_and_of_states_the_last() -> None:
    """
    Given a channel that told two events, and between them a state three times,
    when somebody comes to listen and the channel is closed,
    then they hear both events and the last state, in the order of telling.
    """
    channel = Channel()
    channel.tell("begun", {"run": "r"})
    for done in range(3):
        channel.tell_state("r", "moved", {"done": done})
    channel.tell("ended", {})
    channel.close()

    told = await all_heard(channel)

    assert [(one.kind, one.data) for one in told] == [
        ("begun", '{"run":"r"}'),
        ("moved", '{"done":2}'),
        ("ended", "{}"),
    ]


async def test_a_listener_goes_on_behind_what_it_heard_last() -> None:
    """
    Given a listener that left after the first of three events,
    when it comes back with the id of that,
    then it hears the others, and none twice.
    """
    channel = Channel()
    channel.tell("first", {})
    following = channel.follow()
    last = (await anext(following)).id
    channel.tell("second", {})
    channel.tell("third", {})
    channel.close()

    told = await all_heard(channel, last)

    assert [one.kind for one in told] == ["second", "third"]


async def test_a_listener_is_told_to_read_again_what_is_not_kept_any_more() -> None:
    """
    Given a listener that was away for more events than are kept,
    when it comes back,
    then it is told to read again, and hears what is kept.
    """
    channel = Channel()
    channel.tell("first", {})
    last = (await anext(channel.follow())).id
    for _ in range(2 * ROOM):
        channel.tell("event", {})
    channel.close()

    told = await all_heard(channel, last)

    assert [one.kind for one in told] == ["reread", *["event"] * ROOM]


@pytest.mark.parametrize("last", ["", "-", "other-7", "x" * 90, "1", "9" * 99])
async def test_an_id_of_elsewhere_hears_all_that_is_kept(last: str) -> None:
    """
    Given an id that this channel never gave,
    when a listener says that it heard that last,
    then it hears all that is kept.
    """
    channel = Channel()
    channel.tell("begun", {})
    channel.close()

    told = await all_heard(channel, last)

    assert [one.kind for one in told] == ["begun"]


async def test_a_slow_listener_costs_no_memory_and_hears_how_it_stands() -> None:
    """
    Given a listener that takes one piece while a thousand states are told,
    when it goes on,
    then it hears the newest state next.
    """
    channel = Channel()
    following = channel.follow()
    channel.tell_state("r", "moved", {"done": 0})
    await anext(following)
    for done in range(1_000):
        channel.tell_state("r", "moved", {"done": done})

    assert await heard(following, 1) == ['moved {"done":999}']


async def test_listeners_are_woken_together() -> None:
    """
    Given fifty listeners that wait,
    when something is told and the channel is closed,
    then each of them has heard it and is counted no more.
    """
    channel = Channel()
    listening = [asyncio.create_task(all_heard(channel)) for _ in range(50)]
    await asyncio.sleep(0)
    before = channel.listeners

    channel.tell("ended", {})
    channel.close()

    assert [len(told) for told in await asyncio.gather(*listening)] == [1] * 50
    assert (before, channel.listeners) == (50, 0)


def test_runs_share_what_a_server_may_spend() -> None:
    """
    Given a ceiling of 10 USD,
    when a run takes 4 and one takes the rest,
    then a third is refused until one has given back what it did not spend.
    """
    purse = ServerPurse(10.0)
    shares = [purse.take("one", 4.0), purse.take("two", None)]
    with pytest.raises(Busy, match="set aside for run one, two"):
        purse.take("three", None)

    purse.give_back("one", 1.0)

    assert shares == [4.0, 6.0]
    assert purse.take("three", None) == 3.0


def test_a_ceiling_that_stopped_a_run_is_reached() -> None:
    """
    Given a run that the ceiling stopped while no other had a share,
    when another would begin,
    then it is refused, with what was spent of what.
    """
    purse = ServerPurse(10.0)
    purse.take("one", None)
    purse.give_back("one", 9.5, has_met_it=True)

    with pytest.raises(LimitReached, match=r"may cost \$10\.00, and have cost \$9\.50"):
        purse.take("two", None)


def test_what_is_not_known_counts_as_spent() -> None:
    """
    Given a run whose spending nobody knows,
    when it has ended,
    then all of its share is spent.
    """
    purse = ServerPurse(10.0)
    purse.take("one", None)
    purse.give_back("one", None)

    with pytest.raises(LimitReached):
        purse.take("two", None)


def test_without_a_ceiling_there_are_no_shares() -> None:
    """
    Given no ceiling,
    when runs begin,
    then none has a limit of the server's.
    """
    purse = ServerPurse(None)

    assert [purse.take(run_id, None) for run_id in ("one", "two")] == [None, None]


def test_a_streamed_answer_is_told_in_pieces_that_a_pipe_takes_whole() -> None:
    """
    Given an answer of many characters outside of ASCII, which is broken off and comes anew,
    when it is told, first to a pipe that is full, then to one with room,
    then nothing of it is lost, and each line is one that a pipe takes whole.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    streamed = Streamed(Outlet(writing))
    for text in ("\N{SNOWMAN}" * 400, "\N{PILE OF POO}" * 200):
        streamed(TextReceived(KEY, "say", text))

    streamed.tell_if_heard()
    streamed(TextEnded(KEY, "say", is_whole=False))
    streamed(TextReceived(KEY, "say", "anew"))
    os.read(reading, 1 << 20)
    os.set_blocking(writing, True)
    streamed.tell()
    lines = os.read(reading, 1 << 20).splitlines(keepends=True)
    os.close(reading)
    os.close(writing)

    texts = [json.loads(line)["text"] for line in lines]
    assert max(map(len, lines)) <= ATOMIC
    assert "".join(texts[:-2]) == "\N{SNOWMAN}" * 400 + "\N{PILE OF POO}" * 200
    assert texts[-2:] == [None, "anew"]
