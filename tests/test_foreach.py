"""`foreach`: steps that are run for each item of a list."""

import asyncio
from textwrap import dedent

import pytest

from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import InvalidRequest
from promptlab.schemas.events import TrialFinished
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import nested
from tests.nested_kit import Nested, echo, outputs, states, step_of, verdicts
from tests.scripted import ScriptedProvider, texts
from tests.virtual_time import virtually

HEAD = """\
version: 1
inputs: {words: array}
dataset:
  - {words: [x, yy, zzz], label: hidden}
"""


def pipeline(steps: str, *, head: str = HEAD, tail: str = "") -> str:
    return f"{head}steps:\n{dedent(steps).strip('\n')}\n{dedent(tail)}"


SAYING = """
- id: parts
  foreach: words
  steps:
    - id: say
      messages: [{role: user, content: "{{ item }}"}]
"""


def refusing(*words: str) -> ScriptedProvider:
    """Give a provider that repeats what it is asked, but refuses some of it."""

    def answer(request: CompletionRequest) -> str:
        text = echo(request)
        if any(word in text for word in words):
            raise InvalidRequest(f"no {text}", status=400)
        return text

    return ScriptedProvider(answer)


async def test_it_gives_the_last_inner_output_of_each_item_in_order() -> None:
    """
    Given a foreach over three words whose items have two steps,
    when it runs,
    then its output is the list of what the last step made, and each step is there under its path.
    """
    more = '- {id: again, messages: [{role: user, content: "{{ say.output }}{{ item_index }}!"}]}'

    trial = await Nested(pipeline(f"{SAYING}    {more}")).run_one()

    assert outputs(trial) == {
        "parts": ["x0!", "yy1!", "zzz2!"],
        "parts[0].say": "x",
        "parts[0].again": "x0!",
        "parts[1].say": "yy",
        "parts[1].again": "yy1!",
        "parts[2].say": "zzz",
        "parts[2].again": "zzz2!",
    }
    assert trial.outputs == ["x0!", "yy1!", "zzz2!"]


@pytest.mark.parametrize(
    ("written", "made"),
    [
        (
            '{word: "{{ say.output }}", at: "{{ word_index }}"}',
            [{"word": "x", "at": 0}, {"word": "yy", "at": 1}],
        ),
        ('"{{ say.output | length }}"', [1, 2]),
        ('"<{{ say.output }}>"', ["<x>", "<yy>"]),
        ("same", ["same", "same"]),
    ],
)
async def test_outputs_are_a_map_of_templates_or_one(written: str, made: list[object]) -> None:
    """
    Given `outputs` in a foreach,
    when it runs,
    then they are what each item gives, with the types of their values.
    """
    steps = f"""
    - id: parts
      foreach: words[:2]
      as: word
      steps:
        - id: say
          messages: [{{role: user, content: "{{{{ word }}}}"}}]
      outputs: {written}
    """

    assert (await Nested(pipeline(steps)).run_one()).outputs == made


async def test_inner_steps_see_what_is_around_and_the_foreach_waits_for_it() -> None:
    """
    Given inner steps that name an input, an outer step and each other, in an order that is not the file's,
    when the trial runs,
    then the outer step comes first, and what follows sees the foreach's own output alone.
    """
    steps = """
    - id: after
      messages: [{role: user, content: "{{ parts.output | join('+') }}"}]
    - id: parts
      foreach: words
      steps:
        - id: second
          messages: [{role: user, content: "{{ first.output }} of {{ words | length }}"}]
        - id: first
          messages: [{role: user, content: "{{ item }} {{ tone.output }}"}]
      outputs: "{{ second.output }}"
    - id: tone
      messages: [{role: user, content: kindly}]
    """
    one = Nested(pipeline(steps))

    trial = await one.run_one()

    assert texts(one.provider.journal)[0] == "kindly"
    assert outputs(trial)["after"] == "x kindly of 3+yy kindly of 3+zzz kindly of 3"


async def test_an_empty_list_gives_an_empty_list() -> None:
    """
    Given a foreach over nothing,
    when it runs,
    then it passes with an empty list, and nothing is called.
    """
    one = Nested(pipeline(SAYING.replace("words", "words[9:]")))

    trial = await one.run_one()

    assert (trial.status, trial.outputs, one.provider.journal) == ("passed", [], [])


@pytest.mark.parametrize(("option", "most"), [("max_concurrency: 2", 2), ("max_concurrency: 1", 1), ("", 6)])
async def test_items_run_side_by_side_up_to_max_concurrency(option: str, most: int) -> None:
    """
    Given six items,
    when they run,
    then as many are in flight as `max_concurrency` says, all where it says nothing.
    """
    one = Nested(pipeline(SAYING.replace("words", "range(6)") + f"  {option}"))
    one.provider.gate = asyncio.Event()
    running = asyncio.create_task(one.run())
    for _ in range(200):
        await asyncio.sleep(0)
    waiting = one.provider.in_flight
    one.provider.gate.set()
    await running

    assert (waiting, one.provider.most_in_flight) == (most, most)


async def test_foreach_inside_foreach() -> None:
    """
    Given a foreach inside a foreach, each with a name for its items,
    when it runs,
    then the output is a list of lists, and paths name both items.
    """
    steps = """
    - id: grid
      foreach: words[:2]
      as: word
      steps:
        - id: letters
          foreach: word | list
          as: letter
          steps:
            - id: say
              messages: [{role: user, content: "{{ word }}{{ word_index }}{{ letter }}{{ letter_index }}"}]
    """

    trial = await Nested(pipeline(steps)).run_one()

    assert trial.outputs == [["x0x0"], ["yy1y0", "yy1y1"]]
    assert step_of(trial, "grid[1].letters[1].say").made == "yy1y1"
    assert nested(trial.all_steps) == trial.steps


async def test_if_an_item_errors_the_others_finish_then_the_step_is_errored() -> None:
    """
    Given three items of which the second's call is refused,
    when they run,
    then the others are done, the step errored and says which item why, and what depends on it is skipped.
    """
    after = '- {id: after, messages: [{role: user, content: "{{ parts.output }}"}]}'

    trial = await Nested(pipeline(SAYING + after), provider=refusing("yy")).run_one()

    assert trial.status == "errored"
    assert states(trial) == {
        "parts": "errored",
        "parts[0].say": "passed",
        "parts[1].say": "errored",
        "parts[2].say": "passed",
        "after": "skipped",
    }
    assert step_of(trial, "parts").error == "parts[1].say: no yy"


@pytest.mark.parametrize(
    ("on_error", "made"),
    [
        ("skip", ["x", "zzz"]),
        ("{default: none}", ["x", "none", "zzz"]),
        ("{default: null}", ["x", None, "zzz"]),
    ],
)
async def test_on_error_is_about_each_item(on_error: str, made: list[object]) -> None:
    """
    Given an item whose call is refused, under `on_error`,
    when the items run,
    then it is left out or has the default, the trial passes, and its inner step's check counts for nothing.
    """
    steps = f"{SAYING}      checks: [contains: '{{{{ item }}}}']\n  on_error: {on_error}"

    trial = await Nested(pipeline(steps), provider=refusing("yy")).run_one()

    assert (trial.status, trial.outputs) == ("passed", made)
    assert [status for _, _, status in verdicts(trial)] == ["passed", "skipped", "passed"]
    assert step_of(trial, "parts[1].say").status == "errored"


async def test_an_inner_step_may_have_an_on_error_of_its_own() -> None:
    """
    Given an inner step with a default for when it errors,
    when its call is refused,
    then the item has that, and the foreach passes.
    """
    steps = SAYING + "      on_error: {default: so so}"

    trial = await Nested(pipeline(steps), provider=refusing("yy")).run_one()

    assert (trial.status, trial.outputs) == ("passed", ["x", "so so", "zzz"])


async def test_outputs_that_cannot_be_made_are_an_error_of_the_item() -> None:
    """
    Given outputs that name what the answer to one item lacks,
    when the items run,
    then that item errored, and the message says which.
    """
    steps = f'{SAYING}  outputs: "{{{{ item[1] }}}}"\n'

    trial = await Nested(pipeline(steps)).run_one()

    assert trial.status == "errored"
    assert (step_of(trial, "parts").error or "").startswith("parts[0]: outputs")


REPAIRING = """
- id: tries
  foreach: range(6)
  until: output == '3'
  steps:
    - id: count
      messages:
        - {role: user, content: "{{ (previous | default('0') | int) + 1 }}"}
"""


async def test_until_ends_the_loop_and_previous_is_what_the_item_before_gave() -> None:
    """
    Given a loop that counts up from the item before until it is at three,
    when it runs,
    then the items ran one after the other, and none after the one where it held.
    """
    one = Nested(pipeline(REPAIRING))

    trial = await one.run_one()

    assert trial.outputs == ["1", "2", "3"]
    assert texts(one.provider.journal) == ["1", "2", "3"]
    assert one.provider.most_in_flight == 1


async def test_until_sees_inner_steps_and_outer_ones() -> None:
    """
    Given an `until` that names an inner step, an outer one and the item,
    when it holds for the second item,
    then that is the last.
    """
    steps = "- {id: stop, messages: [{role: user, content: yy}]}" + SAYING
    steps += "  until: say.output == stop.output and item_index > 0"

    assert (await Nested(pipeline(steps)).run_one()).outputs == ["x", "yy"]


async def test_items_that_name_previous_run_in_order_without_until() -> None:
    """
    Given a conversation in which each turn names the one before, below its outputs,
    when it runs,
    then the turns follow each other, and the first sees nothing before it.
    """
    steps = """
    - id: turns
      foreach: words
      steps:
        - id: turn
          messages: [{role: user, content: "{{ previous.said | default('start') }}>{{ item }}"}]
      outputs: {said: "{{ turn.output }}"}
    """

    trial = await Nested(pipeline(steps)).run_one()

    assert trial.outputs == [{"said": "start>x"}, {"said": "start>x>yy"}, {"said": "start>x>yy>zzz"}]


SCRIPTED = """
- id: turns
  foreach: words
  steps:
    - id: turn
      prompt: prompts/turn.j2
  outputs: {outputs}
"""
TURN = (
    "{{% system %}}Be brief.{{% endsystem %}}"
    "{{% if previous is defined %}}{{% messages {} %}}{{% endif %}}{{{{ item }}}}"
)


@pytest.mark.parametrize(
    ("outputs", "spliced"),
    [
        ('{messages: "{{ turn.messages }}"}', "previous.messages"),
        ('{messages: "{{ turn.messages }}"}', "previous.messages | default([])"),
        ('{a: {b: "{{ turn.messages }}"}}', "previous.a.b"),
        ('"{{ turn.messages }}"', "previous"),
        ('{messages: "{{ turn.messages[1:] }}"}', "previous.messages"),
    ],
)
async def test_a_scripted_conversation_has_one_system_message(outputs: str, spliced: str) -> None:
    """
    Given a prompt with a system message that splices the conversation of the item before,
    when three items run,
    then each says its system message once, at the top, and all that was said before.
    """
    steps = SCRIPTED.replace("{outputs}", outputs)
    one = Nested(pipeline(steps), {"prompts/turn.j2": TURN.format(spliced)})

    trial = await one.run_one()

    assert trial.status == "passed"
    said = [[(message.role, message.text) for message in asked.messages] for asked in one.provider.journal]
    assert said[2] == [
        ("system", "Be brief."),
        *(("user", "x"), ("assistant", "x")),
        *(("user", "yy"), ("assistant", "yy")),
        ("user", "zzz"),
    ]


@pytest.mark.parametrize(
    ("on_error", "status", "asked", "made"),
    [
        ("fail", "errored", ["-x", "xyy"], None),
        ("skip", "passed", ["-x", "xyy", "xzzz"], ["x", "zzz"]),
        ("{default: d}", "passed", ["-x", "xyy", "dzzz"], ["x", "d", "zzz"]),
    ],
)
async def test_previous_after_an_item_that_errored(
    on_error: str, status: str, asked: list[str], made: object
) -> None:
    """
    Given items that name `previous`, of which the second errors,
    when they run,
    then the third sees the default, or what was made last; where the step errors, it does not run.
    """
    steps = f"""
    - id: parts
      foreach: words
      on_error: {on_error}
      steps:
        - id: say
          messages: [{{role: user, content: "{{{{ previous | default('-') }}}}{{{{ item }}}}"}}]
      outputs: "{{{{ item if say.output else item }}}}"
    """
    one = Nested(pipeline(steps), provider=refusing("yy"))

    trial = await one.run_one()

    assert (trial.status, step_of(trial, "parts").made) == (status, made)
    assert texts(one.provider.journal) == asked


async def test_previous_of_an_inner_foreach_is_its_own() -> None:
    """
    Given a foreach in order around one in order,
    when the inner one begins anew,
    then it has no previous item, although the outer one has.
    """
    steps = """
    - id: outer
      foreach: words[:2]
      steps:
        - id: before
          messages: [{role: user, content: "{{ previous | default('none') | tojson }}"}]
        - id: inner
          foreach: "['a', 'b']"
          as: letter
          steps:
            - id: say
              messages: [{role: user, content: "{{ previous | default('-') }}{{ letter }}"}]
      outputs: "{{ inner.output }}"
    """

    trial = await Nested(pipeline(steps)).run_one()

    assert trial.outputs == [["-a", "-ab"], ["-a", "-ab"]]
    assert step_of(trial, "outer[1].before").made == '["-a", "-ab"]'


@pytest.mark.parametrize(
    ("value", "shown"), [("text", "text: text"), ("{a: 1}", 'a map: {"a": 1}'), ("3", "a number: 3")]
)
async def test_what_is_no_list_is_an_error_of_the_step(value: str, shown: str) -> None:
    """
    Given an expression over an input of any type that gives no list for one row,
    when the rows run,
    then that trial errored and says why, and the other one passed.
    """
    head = HEAD.replace("words: array", "words: any") + f"  - {{words: {value}}}\n"

    computed = SAYING.replace("foreach: words", "foreach: words | default([])")

    good, bad = await Nested(pipeline(computed, head=head)).run()

    assert (good.status, bad.status) == ("passed", "errored")
    assert step_of(bad, "parts").error == f"`foreach` needs a list, but words | default([]) is {shown}"


async def test_a_list_has_at_most_ten_thousand_items() -> None:
    """
    Given a list of more items than a foreach runs for,
    when the step runs,
    then it errored, and nothing was called.
    """
    one = Nested(pipeline(SAYING.replace("foreach: words", "foreach: range(10000 + words | length)")))

    trial = await one.run_one()

    assert "10,000 items at most" in (step_of(trial, "parts").error or "")
    assert one.provider.journal == []


async def test_a_failed_check_of_an_inner_step_fails_the_step_around_it_and_the_trial() -> None:
    """
    Given an inner step with a check that one item fails,
    when the items run,
    then the verdicts carry the item's path, the trial failed, and what follows runs all the same.
    """
    after = '- {id: after, messages: [{role: user, content: "{{ parts.status }}"}]}'
    steps = (
        SAYING + "      checks: [{type: not-contains, value: yy, name: short}, {not-equals: '{{ label }}'}]\n"
    )

    trial = await Nested(pipeline(steps + after)).run_one()

    assert trial.status == "failed"
    assert ("parts[1].say", "short", "failed") in verdicts(trial)
    assert len(verdicts(trial)) == 6
    assert outputs(trial)["after"] == "failed"


async def test_costs_tokens_and_time_are_counted_once() -> None:
    """
    Given a foreach with a check of its cost,
    when it has run,
    then the trial costs what its inner calls cost, and the check judges their sum.
    """
    steps = SAYING + "  checks: [{cost: 0.00005}, {type: cost, threshold: 0.000059, name: more}]\n"

    trial = await Nested(pipeline(steps)).run_one()

    assert step_of(trial, "parts[0].say").cost_usd == pytest.approx(0.00002)
    assert trial.cost_usd == trial.spent_usd == pytest.approx(0.00006)
    assert sum(step.input_tokens for step in trial.all_steps) == 30
    assert [status for _, _, status in verdicts(trial)] == ["failed", "failed"]


async def test_a_run_again_recalls_all_inner_calls() -> None:
    """
    Given a run with inner calls,
    when it is run again, with one more item,
    then only that item's call is sent.
    """
    log = MemoryCallLog()
    await Nested(pipeline(SAYING), log=log).run()

    again = Nested(pipeline(SAYING, head=HEAD.replace("zzz", "zzz, new")), log=log.new_run())
    trial = await again.run_one()

    assert texts(again.provider.journal) == ["new"]
    assert [step.recalled for step in trial.all_steps] == [False, True, True, True, False]


async def test_recall_and_retry_of_the_step_are_those_of_the_steps_inside() -> None:
    """
    Given a foreach with `recall: false`, and an inner step that says `recall: true`,
    when it is run again,
    then that step alone is recalled.
    """
    other = '- {id: other, recall: true, messages: [{role: user, content: "other {{ item }}"}]}'
    steps = f"{SAYING}    {other}\n  recall: false\n  retry: {{max_attempts: 7}}"
    log = MemoryCallLog()
    one = Nested(pipeline(steps), log=log)
    await one.run()

    again = Nested(pipeline(steps), log=log.new_run())
    await again.run()

    assert sorted(texts(again.provider.journal)) == ["x", "yy", "zzz"]
    assert {planned.step.retry.max_attempts for planned in one.plan.cells[0].all_steps()} == {7}


async def test_a_limit_leaves_the_step_for_a_later_run() -> None:
    """
    Given a limit of two requests and three items,
    when the limit is reached,
    then the trial is left, and a run without limit finishes it with the third call alone.
    """
    log = MemoryCallLog()
    steps = pipeline(SAYING + "  max_concurrency: 1")
    limited = Nested(steps, log=log, options=RunOptions(limits=Limits(requests=2)))
    trials = await limited.run()

    again = Nested(steps, log=log.new_run())
    trial = await again.run_one()

    assert (trials, texts(limited.provider.journal)) == ([], ["x", "yy"])
    assert (trial.status, texts(again.provider.journal)) == ("passed", ["zzz"])


class Stuck(ScriptedProvider):
    """Repeats what it is asked, but answers one word only once it is let go."""

    def __init__(self, word: str) -> None:
        super().__init__(echo)
        self.word = word
        self.let_go = asyncio.Event()

    async def complete(self, request: CompletionRequest) -> Completion:
        if echo(request) == self.word:
            await self.let_go.wait()
        return await super().complete(request)


@virtually
async def test_a_timeout_of_the_step_says_what_its_inner_calls_took() -> None:
    """
    Given a foreach that runs one item at a time, the second never answered,
    when its timeout is over,
    then the step errored, and both what it bought and what was cut short are told.
    """
    stuck = Stuck("yy")
    one = Nested(pipeline(SAYING + "  max_concurrency: 1\n  timeout: 0.2"), provider=stuck)
    running = asyncio.create_task(one.run())
    while not one.heard.of(TrialFinished):
        await asyncio.sleep(0.01)
    stuck.let_go.set()
    (trial,) = await running

    *bought, cut_short = step_of(trial, "parts").inner
    assert step_of(trial, "parts").error == "took longer than its 0.2 s"
    assert (cut_short.status, cut_short.error) == ("errored", "was given up before its end")
    assert trial.cost_usd == pytest.approx(0.00002 * len(bought))


async def test_when_skips_all_items_and_an_inner_when_one() -> None:
    """
    Given a foreach under a `when` that does not hold, and another with an inner `when`,
    when the trial runs,
    then the first runs no item, and in the second the item without output is null.
    """
    never = SAYING + "  when: words | length > 9\n"
    steps = never + SAYING.replace("parts", "some").replace("say", "speak") + "      when: item != 'yy'"

    trial = await Nested(pipeline(steps)).run_one()

    assert states(trial) == {
        "parts": "skipped",
        "some": "passed",
        "some[0].speak": "passed",
        "some[1].speak": "skipped",
        "some[2].speak": "passed",
    }
    assert trial.outputs == ["x", None, "zzz"]


async def test_with_gives_inner_steps_all_that_they_see() -> None:
    """
    Given a foreach with `with`,
    when it runs,
    then its expression sees the pipeline's names, and its inner steps the bound ones and the item.
    """
    steps = """
    - id: parts
      foreach: words
      with: {mark: "{{ words | length }}"}
      steps:
        - id: say
          messages: [{role: user, content: "{{ item }}{{ mark }}"}]
    """

    assert (await Nested(pipeline(steps)).run_one()).outputs == ["x3", "yy3", "zzz3"]


async def test_the_output_of_the_step_is_held_to_its_schema() -> None:
    """
    Given a foreach with a schema for its output,
    when its list has too many items,
    then the step errored.
    """
    steps = SAYING + "  output: {schema: {type: array, maxItems: 2}}"

    trial = await Nested(pipeline(steps)).run_one()

    assert step_of(trial, "parts").error_kind == "invalid_output"


async def test_inner_steps_ask_again_as_the_retry_of_the_foreach_says() -> None:
    """
    Given a foreach whose `retry` names invalid_output,
    when an inner model first answers what is none of its words,
    then it is asked again.
    """
    steps = """
    - id: parts
      foreach: words[:1]
      retry: {on: [invalid_output]}
      steps:
        - id: sort
          messages: [{role: user, content: "{{ item }}"}]
          output: {enum: [good, bad]}
    """

    trial = await Nested(pipeline(steps), provider=ScriptedProvider("hm", "good")).run_one()

    assert trial.outputs == ["good"]


async def test_python_steps_run_for_items_too() -> None:
    """
    Given a function as an inner step,
    when it fails for one item that may be left out,
    then the others have what it gave.
    """

    def size(word: str) -> int:
        if word == "yy":
            raise ValueError("even")
        return len(word)

    steps = """
    - id: parts
      foreach: words
      on_error: skip
      steps:
        - id: size
          python: tools/size.py:size
          with: {word: "{{ item }}"}
    """
    one = Nested(
        pipeline(steps), {"tools/size.py": "def size(word: str) -> int: ..."}, functions={"size": size}
    )

    trial = await one.run_one()

    assert (trial.outputs, step_of(trial, "parts[1].size").error) == ([1, 3], "even")
