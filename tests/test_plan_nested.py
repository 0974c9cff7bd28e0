"""Plans of steps inside steps, and the runs that stay within them."""

import pytest

from promptlab.cli.plan_table import plan_grid
from promptlab.cli.tables import Styled
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.forecasting import Forecaster
from promptlab.live.planning.counting import Counting, Seen
from promptlab.schemas.plan import Experience, Numbers, PipelinePlan, StepPlan
from tests.nested_kit import Nested, render
from tests.test_foreach import SAYING, pipeline

SUB = {
    "pipelines/sub.yaml": """\
version: 1
inputs: {text: string}
steps:
  - id: one
    messages: [{role: user, content: "one {{ text }}"}]
  - id: two
    messages: [{role: user, content: "two {{ one.output }}"}]
    checks: [{python: "tools/check.py:check"}]
checks: [{python: "tools/check.py:check"}]
outputs: {both: "{{ one.output }} {{ two.output }}"}
""",
    "tools/check.py": "def check(output):\n    return True\n",
}
CALLS_SUB = '- {id: called, pipeline: pipelines/sub.yaml, with: {text: "{{ words[0] }}"}}\n'
AFTER = "- {id: after, messages: [{role: user, content: \"{{ parts.output | join(', ') }}\"}]}\n"
NUMBERED = """
- id: parts
  foreach: words
  max_concurrency: 1
  steps:
    - {id: say, messages: [{role: user, content: "{{ item }} {{ item_index }}"}]}
    - {id: again, messages: [{role: user, content: "again {{ say.output }}"}]}
"""
IN_ORDER = """
- id: parts
  foreach: words
  steps:
    - {id: say, messages: [{role: user, content: "{{ item }} after {{ previous | default('none') }}"}]}
"""
OF_AN_ANSWER = """
- id: names
  output: json
  messages: [{role: user, content: '["a", "b"]'}]
- id: parts
  foreach: names.output
  steps:
    - {id: say, messages: [{role: user, content: "{{ item }}"}]}
"""
BESIDE_AN_ANSWER = """
- {id: first, messages: [{role: user, content: first}]}
- id: parts
  foreach: words
  steps:
    - {id: say, messages: [{role: user, content: "{{ item }} {{ first.output }}"}]}
"""
TWICE = """
- id: parts
  foreach: words
  steps:
    - id: inner
      foreach: words
      as: other
      steps:
        - {id: say, messages: [{role: user, content: "{{ item }} {{ other }}"}]}
"""


async def numbers_of(one: Nested) -> dict[str, Numbers]:
    """Give what each step would do, by its place."""
    counting = Counting(one.plan.cells, Experience(), Seen())
    for trial in one.plan.trials():
        counting.add(trial, await Forecaster(one.log, render).trial(trial))
    return {step.step: step.numbers for step in counting.steps()}


def counts(numbers: Numbers) -> tuple[int, int, int]:
    return numbers.call, numbers.recall, numbers.open


async def planned(steps: str, log: MemoryCallLog | None = None) -> dict[str, Numbers]:
    return await numbers_of(Nested(pipeline(steps), SUB, log=log or MemoryCallLog()))


async def test_the_items_of_a_known_list_are_calls() -> None:
    """
    Given a foreach over three words of the row, one of them at a time, and a step on its output,
    when it is planned,
    then each item's first step is a call, the second is open, and so is what follows.
    """
    found = await planned(NUMBERED + AFTER)

    assert {place: counts(numbers) for place, numbers in found.items()} == {
        "parts": (0, 0, 0),
        "parts.say": (3, 0, 0),
        "parts.again": (0, 0, 3),
        "after": (0, 0, 1),
    }


async def test_items_that_wait_for_each_other_are_open_but_for_the_first() -> None:
    """
    Given a foreach whose items name what the one before made,
    when it is planned,
    then one is a call and the others are open.
    """
    found = await planned(IN_ORDER)

    assert counts(found["parts.say"]) == (1, 0, 2)
    assert not found["parts.say"].is_endless


async def test_nobody_can_tell_how_long_a_list_is_that_is_not_there() -> None:
    """
    Given a foreach over the answer of a step,
    when it is planned,
    then the worst is not known; once the answer is recorded, its items are calls.
    """
    log = MemoryCallLog()
    before = await planned(OF_AN_ANSWER, log)
    await Nested(pipeline(OF_AN_ANSWER.partition("- id: parts")[0]), log=log).run()

    after = await planned(OF_AN_ANSWER, log.new_run())

    assert (counts(before["names"]), Numbers.total(before.values()).worst_calls) == ((1, 0, 0), None)
    assert (counts(after["names"]), counts(after["parts.say"])) == ((0, 1, 0), (2, 0, 0))


def test_what_is_expected_of_a_loop_without_a_known_end_is_a_lower_bound() -> None:
    """
    Given numbers of a loop of which nobody knows how often it runs,
    when they are shown,
    then what is expected is a lower bound, and JSON says so.
    """
    endless = Numbers(call=1, expected_usd=0.5, is_endless=True)
    step = StepPlan(cell="", variant="", axes={}, step="parts.say", model="echo/echo", numbers=endless)
    plan = PipelinePlan(
        pipeline="p", path="pipelines/p.yaml", trials=1, least_trials=1, steps=(step,), seconds=None
    )

    shown = plan_grid(plan)

    assert shown.rows[0][-2:] == [Styled("≥ $0.50"), Styled("no bound")]
    assert endless.as_json()["is_endless"] is True


async def test_a_known_list_beside_an_answer_that_is_not_there_is_open_item_by_item() -> None:
    """
    Given a foreach over words of the row whose steps name an answer that is not there,
    when it is planned,
    then as many calls are open as there are words.
    """
    found = await planned(BESIDE_AN_ANSWER)

    assert counts(found["parts.say"]) == (0, 0, 3)


@pytest.mark.parametrize(
    "steps",
    [
        SAYING,
        NUMBERED + AFTER,
        IN_ORDER,
        BESIDE_AN_ANSWER,
        OF_AN_ANSWER,
        TWICE,
        CALLS_SUB,
        SAYING + CALLS_SUB,
    ],
)
async def test_a_run_stays_within_the_plan_and_the_next_one_is_all_recalled(steps: str) -> None:
    """
    Given steps inside steps,
    when they are planned, run, planned and run again,
    then the first run stays within its plan, and the second does just what was planned: recall everything.
    """
    log = MemoryCallLog()
    functions = {"check": lambda **_: True}
    first = Nested(pipeline(steps), SUB, log=log, functions=functions)
    before = Numbers.total((await numbers_of(first)).values())
    await first.run()
    second = Nested(pipeline(steps), SUB, log=log.new_run(), functions=functions)
    after = Numbers.total((await numbers_of(second)).values())
    await second.run()

    assert before.call <= first.counts.sent
    assert before.worst_calls is None or first.counts.sent <= before.worst_calls
    assert counts(after) == (0, second.counts.recalled, 0)
    assert second.counts.recalled == first.counts.sent + first.counts.recalled
