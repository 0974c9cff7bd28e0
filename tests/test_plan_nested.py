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
    assert not found["parts.say"].has_open_list


async def test_a_list_that_is_not_there_has_as_many_items_as_there_may_be() -> None:
    """
    Given a foreach over the answer of a step,
    when it is planned,
    then its items are open, 10,000 at worst; once the answer is recorded, they are calls.
    """
    log = MemoryCallLog()
    before = await planned(OF_AN_ANSWER, log)
    await Nested(pipeline(OF_AN_ANSWER.partition("- id: parts")[0]), log=log).run()

    after = await planned(OF_AN_ANSWER, log.new_run())

    assert (counts(before["names"]), counts(before["parts.say"])) == ((1, 0, 0), (0, 0, 10_000))
    assert before["parts.say"].has_open_list
    assert (counts(after["names"]), counts(after["parts.say"])) == ((0, 1, 0), (2, 0, 0))


def test_what_is_expected_of_a_list_that_is_not_there_is_a_lower_bound() -> None:
    """
    Given numbers of a loop of which nobody knows how often it runs,
    when they are shown,
    then its calls are an upper bound, what is expected is a lower one, and JSON says so.
    """
    endless = Numbers(call=1, open=5, expected_usd=0.5, worst_usd=2.0, has_open_list=True)
    step = StepPlan(cell="", variant="", axes={}, step="parts.say", model="echo/echo", numbers=endless)
    plan = PipelinePlan(
        pipeline="p", path="pipelines/p.yaml", trials=1, least_trials=1, steps=(step,), seconds=None
    )

    shown = plan_grid(plan)

    assert Styled("≤ 5", "magenta") in shown.rows[0]
    assert shown.rows[0][-2:] == [Styled("≥ $0.50"), Styled("$2.00")]
    assert endless.as_json()["has_open_list"] is True


async def test_a_known_list_beside_an_answer_that_is_not_there_is_open_item_by_item() -> None:
    """
    Given a foreach over words of the row whose steps name an answer that is not there,
    when it is planned,
    then as many calls are open as there are words.
    """
    found = await planned(BESIDE_AN_ANSWER)

    assert counts(found["parts.say"]) == (0, 0, 3)


def inner_list(expression: str, *, around: str = "words") -> str:
    """Give a foreach inside another that waits for an answer; both say who they are."""
    return f"""
- {{id: first, messages: [{{role: user, content: first}}]}}
- id: names
  output: {{schema: {{type: object, required: [list], properties: {{list: {NAMES}}}}}}}
  messages: [{{role: user, content: '{{"list": [["a", "b"], []]}}'}}]
- id: parts
  foreach: "{around}"
  steps:
    - {{id: before, output: json, messages: [{{role: user, content: "[1, 2] "}}], needs: [first]}}
    - id: inner
      foreach: "{expression}"
      as: other
      steps:
        - id: say
          messages: [{{role: user, content: "{{{{ item }}}} {{{{ other }}}} {{{{ first.output }}}}"}}]
"""


NAMES = "{type: array, maxItems: 4, items: {type: array, maxItems: 3, items: {type: string}}}"
ON_A_LIST = """
- {id: first, messages: [{role: user, content: first}]}
- id: made
  foreach: words
  steps:
    - {id: make, messages: [{role: user, content: "{{ item }} {{ first.output }}"}]}
- id: parts
  foreach: made.output
  steps:
    - id: inner
      foreach: "['x', 'y']"
      as: other
      steps: [{id: say, messages: [{role: user, content: "{{ other }}"}]}]
"""
CALLED = {
    "pipelines/lists.yaml": """\
version: 1
inputs: {texts: array, extra: {type: array, default: [1, 2]}}
steps:
  - id: inner
    foreach: EXPRESSION
    steps:
      - {id: say, messages: [{role: user, content: "{{ item }}"}]}
"""
}


def calling(expression: str, texts: str) -> tuple[str, dict[str, str]]:
    steps = (
        inner_list("[]")
        + f"""
- id: rounds
  foreach: words
  steps:
    - {{id: called, needs: [first], pipeline: pipelines/lists.yaml, with: {{texts: "{texts}"}}}}
"""
    )
    return steps, {path: text.replace("EXPRESSION", expression) for path, text in CALLED.items()}


@pytest.mark.parametrize(
    ("expression", "around", "times"),
    [
        ("['x', 'y']", "words", 3 * 2),
        ("words", "words", 3 * 3),
        ("range(item_index)", "words", 0 + 1 + 2),
        ("item", "[[1, 2], [], [3]]", 3),
        ("item.names", "[{'names': [1, 2]}]", 2),
        ("[]", "words", 0),
        ("item", "words", 0),
        ("item.nothing.there", "words", 0),
        ("names.output.list", "words", 3 * 4),
        ("names.output.list[:2]", "words", 3 * 2),
        ("names.output.list | default([])", "words", 3 * 4),
        ("item", "names.output.list", 4 * 3),
        ("words", "names.output.list", 4 * 3),
        ("before.output", "words", 3 * 10_000),
        ("before.output[:5]", "words", 3 * 5),
        ("names.output.list + [1]", "words", 3 * 10_000),
    ],
)
async def test_the_items_of_a_list_inside_an_open_step_are_counted(
    expression: str, around: str, times: int
) -> None:
    """
    Given a foreach inside one that waits for an answer, over constants, inputs, items or answers,
    when it is planned,
    then as many calls are open as the lists have items, or, where they hang on an answer, may have at most.
    """
    found = await planned(inner_list(expression, around=around))

    hangs = "output" in expression + around
    assert counts(found["parts.inner.say"]) == (0, 0, times)
    assert found["parts.inner.say"].has_open_list == hangs


async def test_a_list_has_as_many_items_as_what_is_made_of_another_one() -> None:
    """
    Given a foreach over what an open one makes of three words, with one over two things inside,
    when it is planned,
    then six calls are open for certain to be no more.
    """
    found = await planned(ON_A_LIST)

    assert [counts(found[place]) for place in ("made.make", "parts.inner.say")] == [(0, 0, 3), (0, 0, 6)]
    assert not found["parts.inner.say"].has_open_list


@pytest.mark.parametrize(
    ("expression", "texts", "times"),
    [
        ("texts", "{{ words }}", 3 * 3),
        ("texts", "{{ [item, item] }}", 3 * 2),
        ("extra", "{{ names.output.list }}", 3 * 2),
        ("texts", "{{ names.output.list }}", 3 * 4),
        ("texts", "{{ item }}", 0),
    ],
)
async def test_the_items_of_a_list_in_a_called_pipeline_are_counted(
    expression: str, texts: str, times: int
) -> None:
    """
    Given a foreach in a pipeline that an open step calls, over what it is given,
    when it is planned,
    then as many calls are open as the lists have items, or may have at most.
    """
    steps, files = calling(expression, texts)

    found = await numbers_of(Nested(pipeline(steps), files))

    assert counts(found["rounds.called.inner.say"]) == (0, 0, times)


async def test_what_judges_may_ask_inside_an_open_step_is_counted() -> None:
    """
    Given a judged step inside a foreach over two things that waits for an answer,
    when it is planned,
    then a judge is asked twice, each time with all its votes.
    """
    judged = 'first.output }}"}], checks: [{type: llm-rubric, value: is kind, votes: 3, judge: echo/m}]}'
    steps = BESIDE_AN_ANSWER.replace('first.output }}"}]}', judged)
    one = Nested(pipeline(steps))
    counting = Counting(one.plan.cells, Experience(), Seen())
    for trial in one.plan.trials():
        counting.add(trial, await Forecaster(one.log, render).trial(trial))

    (judges,) = (step for step in counting.steps() if step.judges)

    assert (judges.step, counts(judges.numbers)) == ("parts.say", (0, 0, 3 * 3))


@pytest.mark.parametrize(
    "steps",
    [
        inner_list("words"),
        inner_list("range(item_index)"),
        inner_list("item", around="names.output.list"),
        inner_list("before.output"),
        ON_A_LIST,
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
    assert first.counts.sent <= before.worst_calls
    assert counts(after) == (0, second.counts.recalled, 0)
    assert second.counts.recalled == first.counts.sent + first.counts.recalled
