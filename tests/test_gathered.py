"""The trials that functions over all trials are given: in order, and no more than fit in memory."""

from typing import Never

import pytest

from promptlab.core.json import plain
from promptlab.engine.function import Function
from promptlab.engine.plan import Plan
from promptlab.live.aggregating import aggregate
from promptlab.live.gathered import Gathered, TooLarge, trial_given
from promptlab.live.scores import Scores
from promptlab.schemas.run import TrialKey, TrialResult
from tests.loading_kit import load


def ended(row: int, repeat: int = 0) -> TrialResult:
    key = TrialKey(row=row, row_id=str(row), cell="base", repeat=repeat)
    return TrialResult(key=key, status="passed", inputs={}, outputs="x" * 1000, steps=())


def test_trials_are_given_in_order() -> None:
    """
    Given trials that ended in some order,
    when they are gathered,
    then they come by row and repeat.
    """
    gathered = Gathered("base")
    for row, repeat in ((1, 0), (0, 1), (0, 0)):
        gathered.add(ended(row, repeat))

    found = gathered.in_order()

    assert [(one["row"], one["repeat"]) for one in found if isinstance(one, dict)] == [(0, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize(("room", "fits"), [(0, True), (-1, False)])
def test_as_many_bytes_as_fit_are_kept(room: int, fits: bool) -> None:  # noqa: FBT001 - a case
    """
    Given as many trials as fit to the byte, or one byte more,
    when they are gathered,
    then they are given, or it says whose are too many and keeps none.
    """
    trials = [ended(row) for row in range(3)]
    gathered = Gathered("base", sum(len(plain(trial_given(trial))) for trial in trials) + room)
    for trial in trials:
        gathered.add(trial)

    if fits:
        assert len(gathered.in_order()) == 3
    else:
        with pytest.raises(TooLarge, match=r"the trials of 'base' are more than 0\.00\d+ MB as JSON"):
            gathered.in_order()


PIPELINE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{word: a}]
steps: [{id: say, messages: [{role: user, content: "{{ word }}"}]}]
metrics: [{name: shares, python: tools/shares.py:shares}]
gates: [{metric: shares, min: 0}]
"""


async def test_a_metric_of_too_many_trials_has_no_value_and_says_why() -> None:
    """
    Given a cell with more trials than a function can be given, and a gate on its metric,
    when functions are to make metrics,
    then the function is not called, and the metric and its gate say why.
    """
    loaded = load(PIPELINE, {"tools/shares.py": "def shares(trials):\n    return 1\n"}).ready
    scores = Scores(plan := Plan(loaded.name, loaded.cells, loaded.rows, loaded.row_count))
    (gathered := Gathered("base", most=1)).add(ended(0))

    await aggregate(plan, scores, lambda _: gathered.in_order(), uncalled)

    (gate,) = scores.gates()
    reason = "the trials of 'base' are more than"
    assert reason in str(scores.detail()["base"]["shares"])
    assert (gate.status, gate.value) == ("failed", None)
    assert reason in gate.reason


async def uncalled(function: Function, *_arguments: object, **_options: object) -> Never:
    raise AssertionError(function.reference)
