"""What is told of calls that a replay has no recording of."""

from collections.abc import Collection
from dataclasses import replace
from itertools import islice

from promptlab.engine.call import Call
from promptlab.loader.nearest import nearest
from promptlab.loader.recordings import Recordings
from promptlab.schemas.report import Unrecorded

COMPARED = 3


def told(calls: Collection[Call], recordings: Recordings) -> tuple[Unrecorded, ...]:
    """Give all calls, in the order of the data; the first few with what is recorded of the like."""
    found = sorted((_told(call) for call in calls), key=_order)
    first = list(islice(found, COMPARED))
    near = nearest(recordings, [one.request for one in first])
    compared = (
        one if other is None else replace(one, nearest=other.path, difference=other.difference)
        for one, other in zip(first, near, strict=True)
    )
    return (*compared, *found[COMPARED:])


def _told(call: Call) -> Unrecorded:
    return Unrecorded(trial=call.trial, step=call.step, model=call.model, request=call.request.as_json())


def _order(one: Unrecorded) -> tuple[int, str, int, str]:
    return (-1, "", 0, one.step) if one.trial is None else (*_place(one), one.step)


def _place(one: Unrecorded) -> tuple[int, str, int]:
    assert one.trial is not None  # noqa: S101 - whoever asks has looked
    return one.trial.row, one.trial.cell, one.trial.repeat
