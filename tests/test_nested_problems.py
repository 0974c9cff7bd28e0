"""What is wrong with steps inside steps is found before anything is called, at its line."""

from textwrap import dedent

import pytest

from promptlab.loader.changes import NO_CHANGES, Changes
from tests.loading_kit import Loaded, load

HEAD = """\
version: 1
inputs: {words: array, ticket: string, tier: {type: string, enum: [free, pro]}}
dataset:
  - {words: [a], ticket: t, tier: free, label: l}
steps:
"""
SAY = "- {id: say, messages: [{role: user, content: x}]}"
SUB = """
version: 1
inputs: {text: string, count: {type: integer, default: 1}, tone: {enum: [mild, loud], default: mild}}
steps:
  - id: shout
    messages: [{role: user, content: "{{ text }} {{ count }} {{ tone }}"}]
    output: {enum: [yes, no]}
outputs: {word: "{{ shout.output }}"}
"""


def with_steps(steps: str, tail: str = "", changes: Changes = NO_CHANGES, **files: str) -> Loaded:
    """Load a pipeline whose steps begin in line 6."""
    named = {f"pipelines/{name}.yaml": text for name, text in files.items()}
    return load(f"{HEAD}{dedent(steps).strip('\n')}\n{dedent(tail)}", named, changes)


def loop(*lines: str) -> str:
    """Give a foreach with more keys; `say` inside it stands in line 9."""
    return "\n".join(
        ("- id: parts", "  foreach: words", "  steps:", f"    {SAY}", *(f"  {line}" for line in lines))
    )


def inner(content: str, *lines: str) -> str:
    """Give a foreach whose inner step's content stands in line 10, column 42."""
    step = f'    - id: say\n      messages: [{{role: user, content: "{content}"}}]'
    return "\n".join(("- id: parts", "  foreach: words", "  steps:", step, *lines))


@pytest.mark.parametrize(
    ("steps", "problem", "hint"),
    [
        (inner("{{ itm }}"), "10:44: 'itm' is not defined", "did you mean 'item'?"),
        (inner("{{ label }}"), "10:44: 'label' is a column of the row, but no input", None),
        (inner("{{ previous }}"), "10:44: the first item has no 'previous'", None),
        (inner("{{ parts.output }}"), "10:44: step 'parts' names itself", None),
        (inner("{{ item }}", "  as: word"), "10:44: 'item' is not defined", None),
        (loop("outputs: '{{ sya.output }}'"), "10:16: 'sya' is not defined", "did you mean 'say'?"),
        (loop("until: say.outptu == 'x'"), "10:10: a step has no 'outptu'", None),
        (loop("until: output2"), "10:10: 'output2' is not defined", "did you mean 'output'?"),
        (loop("untill: item"), "10:3: unknown key 'untill'", "did you mean 'until'?"),
        (loop("on_error: {defualt: 1}"), "10:14: unknown key 'defualt'", "did you mean 'default'?"),
        (loop("as: row"), "10:7: the item 'row' is a name that promptlab keeps for itself", None),
        (loop("as: ticket"), "10:7: 'ticket' is the name of an input already", None),
        (
            loop("max_concurrency: 0"),
            "10:20: steps.max_concurrency should be greater than or equal to 1",
            None,
        ),
        (
            loop("checks: [equals: '{{ item }}']"),
            "10:24: 'item' is not defined",
            None,
        ),
        ("- {id: parts, foreach: words}", "6:3: the key 'steps' is missing", None),
        ("- {id: parts, foreach: words, steps: []}", "6:38: steps.steps: needs at least one item", None),
        (
            "- {id: parts, foreach: [a, b], steps: [{id: say, messages: [{role: user, content: x}]}]}",
            "6:24: steps.foreach: must be an expression that gives a list, not a list",
            'write the list as an expression: foreach: \'["a", "b"]\'',
        ),
    ],
)
def test_what_is_wrong_with_a_foreach_is_found_at_its_place(
    steps: str, problem: str, hint: str | None
) -> None:
    """
    Given a foreach with something wrong in it,
    when it is loaded,
    then that is said, with its line and column.
    """
    loaded = with_steps(steps)

    assert loaded.problems == [problem]
    assert hint is None or loaded.hints == [hint]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ticket", "string"),
        ("tier", "string"),
        ("\"'a, b'\"", "string"),
        ('"5"', "integer"),
        ('"1.5"', "number"),
        ("\"{'a': 1}\"", "object"),
        ("\"'a' if ticket else 'b'\"", "string"),
        ("words | join('-')", "string"),
        ("ticket ~ tier", "string"),
        ("ticket == tier", "boolean"),
        ("say.output", "string"),
        ("ticket | upper", "string"),
        ("words | first | length", "integer"),
    ],
)
def test_a_foreach_over_what_is_surely_no_list_is_refused(value: str, kind: str) -> None:
    """
    Given a foreach over a text or a number,
    when it is loaded,
    then it is refused at that.
    """
    steps = f"{SAY}\n- {{id: parts, foreach: {value}, steps: [{{id: in, prompt: prompts/p.j2}}]}}"

    (problem,) = [one for one in with_steps(steps).found if one.code == "no-list"]

    assert (problem.line, problem.column) == (7, 24)
    assert problem.message == f"`foreach` needs a list, but {value.strip('"')} is of type {kind}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("none", "`foreach` needs a list, but none is null"),
        (
            "range(100000)",
            "`foreach` runs for 10,000 items at most, but range(100000) has 100,000",
        ),
        (
            "range(0, -20002, -2)",
            "`foreach` runs for 10,000 items at most, but range(0, -20002, -2) has 10,001",
        ),
    ],
)
def test_a_constant_that_no_foreach_runs_over_is_refused(value: str, problem: str) -> None:
    """
    Given a foreach over a constant that is no list, or a longer one than it takes,
    when it is loaded,
    then it is refused at that.
    """
    steps = f'- {{id: parts, foreach: "{value}", steps: [{SAY.removeprefix("- ")}]}}'

    assert with_steps(steps).problems == [f"6:24: {problem}"]


@pytest.mark.parametrize(
    "value",
    [
        "range(10000)",
        "range(words | length)",
        "ticket.split(',')",
        "ticket | list",
        "words | unique | list",
        "words if ticket else ticket | upper",
    ],
)
def test_what_may_be_a_list_is_left_to_the_run(value: str) -> None:
    """
    Given a foreach over what may be a list,
    when it is loaded,
    then nothing is said of it.
    """
    steps = f'- {{id: parts, foreach: "{value}", steps: [{SAY.removeprefix("- ")}]}}'

    assert with_steps(steps).problems == []


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        ("int", "integer"),
        ("str", "string"),
        ("dict[str, int]", "object"),
        ("Literal['a', 'b']", "string"),
        ("list[str]", None),
        ("str | list[str]", None),
        ("Unknown", None),
        ("float", None),
    ],
)
def test_a_functions_hint_says_whether_its_output_is_a_list(hint: str, kind: str | None) -> None:
    """
    Given a function that says what it returns,
    when a foreach runs over its output,
    then it is refused where that is no list.
    """
    steps = f"- {{id: f, python: 'f.py:f'}}\n- {{id: parts, foreach: f.output, steps: [{SAY[2:]}]}}"

    found = load(f"{HEAD}{steps}\n", {"f.py": f"def f() -> {hint}:\n    return g()\n"})

    wanted = [f"7:24: `foreach` needs a list, but f.output is of type {kind}"]
    assert found.problems == (wanted if kind is not None else [])


@pytest.mark.parametrize(
    "function",
    ["@listed\ndef f() -> int:\n    return 1\n", "def f():\n    return 1\n"],
)
def test_a_function_that_may_give_anything_is_left_alone(function: str) -> None:
    """
    Given a function without a hint, or whose decorator may give something else,
    when a foreach runs over its output,
    then nothing is said of that.
    """
    steps = f"- {{id: f, python: 'f.py:f'}}\n- {{id: parts, foreach: f.output, steps: [{SAY[2:]}]}}"

    found = load(f"{HEAD}{steps}\n", {"f.py": function}).found

    assert [one for one in found if one.code == "no-list"] == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("c.output.said", "string"),
        ("c.output.count", "integer"),
        ("c.output.word", "string"),
        ("c.output.loud", None),
        ("c.output.words", None),
        ("c.output", "object"),
    ],
)
def test_what_a_called_pipeline_gives_is_known_by_its_outputs(source: str, kind: str | None) -> None:
    """
    Given a called pipeline with outputs of several types,
    when a foreach runs over them,
    then those are refused that are no list.
    """
    called = """
    version: 1
    inputs: {text: string, loud: any}
    steps: [{id: s, messages: [{role: user, content: "{{ text }} {{ loud }}"}]}]
    outputs: {said: "{{ s.output }}", count: "{{ text | length }}", word: w, loud: "{{ loud }}", words: [a]}
    """
    steps = f"""
    - {{id: c, pipeline: pipelines/c.yaml, with: {{text: "{{{{ ticket }}}}", loud: "{{{{ words }}}}"}}}}
    - {{id: parts, foreach: {source}, steps: [{SAY[2:]}]}}
    """

    found = with_steps(steps, c=dedent(called))

    wanted = [f"7:24: `foreach` needs a list, but {source} is of type {kind}"]
    assert found.problems == (wanted if kind is not None else [])


@pytest.mark.parametrize(
    ("outer", "inner_list", "kind"),
    [
        ("['a', 'b']", "item", "string"),
        ("range(3)", "item", "integer"),
        ("[{'a': 1}]", "item", "object"),
        ("['a', 'b']", "item_index", "integer"),
        ("[['a'], ['b']]", "item", None),
        ("['a', ['b']]", "item", None),
        ("[{'a': [1]}]", "item.a", None),
        ("words", "item", None),
    ],
)
def test_an_item_is_of_the_type_of_its_list(outer: str, inner_list: str, kind: str | None) -> None:
    """
    Given a foreach inside a foreach, over the item of the outer,
    when it is loaded,
    then it is refused where no item is a list.
    """
    steps = f"""
    - id: outer
      foreach: "{outer}"
      steps:
        - {{id: parts, foreach: {inner_list}, steps: [{SAY[2:]}]}}
    """

    wanted = [f"9:28: `foreach` needs a list, but {inner_list} is of type {kind}"]
    assert with_steps(steps).problems == (wanted if kind is not None else [])


def test_a_default_for_errors_may_be_the_list() -> None:
    """
    Given a step that has a list in place of an error,
    when a foreach runs over its output,
    then nothing is said of that.
    """
    step = "{id: say, messages: [{role: user, content: x}], on_error: {default: [a]}}"
    steps = f"- {step}\n- {{id: parts, foreach: say.output, steps: [{SAY[2:].replace('say', 'said')}]}}"

    assert with_steps(steps).problems == []


def test_a_schema_says_whether_an_output_is_a_list() -> None:
    """
    Given steps with schemas, of which one has a list in it,
    when foreach runs over that and over what is none,
    then the latter alone is refused.
    """
    output = "output: {schema: {type: object, properties: {parts: {type: array}, name: {type: string}}}}"
    steps = f"""
    - id: split
      messages: [{{role: user, content: x}}]
      {output}
    - {{id: good, foreach: split.output.parts, steps: [{{id: one, messages: [{{role: user, content: x}}]}}]}}
    - {{id: bad, foreach: split.output.name, steps: [{{id: two, messages: [{{role: user, content: x}}]}}]}}
    """

    assert with_steps(steps).problems == [
        "10:22: `foreach` needs a list, but split.output.name is of type string"
    ]


def test_names_inside_are_seen_only_inside_and_hide_none_outside() -> None:
    """
    Given an inner step named from outside, and inner steps called like an outer one, an input and the item,
    when it is loaded,
    then each is refused where it stands.
    """
    steps = """
    - id: outer
      messages: [{role: user, content: "{{ within.output }}"}]
    - id: parts
      foreach: words
      as: word
      steps:
        - {id: within, messages: [{role: user, content: x}]}
        - {id: outer, messages: [{role: user, content: x}]}
        - {id: ticket, messages: [{role: user, content: x}]}
        - {id: word, messages: [{role: user, content: x}]}
        - {id: within, messages: [{role: user, content: x}]}
    """

    assert with_steps(steps).problems == [
        "7:40: 'within' is not defined",
        "13:12: 'outer' is the name of a step already",
        "14:12: 'ticket' is the name of an input already",
        "15:12: 'word' is the name of an item already",
        "16:12: 'within' is the name of a step already",
    ]


def test_two_foreach_may_use_the_same_names_side_by_side() -> None:
    """
    Given two foreach with inner steps and items of the same names,
    when they are loaded,
    then nothing is wrong.
    """
    both = inner("{{ item }}") + "\n" + inner("{{ item }}").replace("parts", "more")

    assert with_steps(both).problems == []


def test_a_cycle_inside_is_found() -> None:
    """
    Given inner steps that name each other,
    when they are loaded,
    then the cycle is told at the first of them.
    """
    steps = """
    - id: parts
      foreach: words
      steps:
        - {id: a, messages: [{role: user, content: "{{ b.output }}"}]}
        - {id: b, messages: [{role: user, content: "{{ a.output }}"}]}
    """

    (problem,) = with_steps(steps).problems

    assert problem.partition(": ")[2].startswith("steps wait for each other: ")
    assert problem.startswith(("9:12", "10:12"))


def test_a_cycle_between_an_inner_step_and_an_outer_one_is_found() -> None:
    """
    Given an inner step that names an outer one which names the foreach,
    when they are loaded,
    then the cycle is told.
    """
    steps = (
        inner("{{ after.output }}")
        + '\n- {id: after, messages: [{role: user, content: "{{ parts.output }}"}]}'
    )

    (problem,) = with_steps(steps).problems

    assert "steps wait for each other" in problem


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        ("parts.output[0].one", None),
        ("parts.output | length", None),
        ("parts.output.one", "parts.output has no 'one'"),
        ("parts.output[0].oen", "parts.output.0 has no 'oen'"),
        ("sub.output.word", None),
        ("sub.output.wrod", "sub.output has no 'wrod'"),
        ("sub.shout", "a step has no 'shout'"),
    ],
)
def test_what_is_known_of_the_output_of_such_a_step_is_used(use: str, problem: str | None) -> None:
    """
    Given a foreach and a sub-pipeline with `outputs`,
    when another step names a part of what they give,
    then one that is not there is refused.
    """
    steps = loop("outputs: {one: '{{ say.output }}'}")
    steps += "\n- {id: sub, pipeline: pipelines/sub.yaml, with: {text: x}}"
    steps += f'\n- {{id: after, messages: [{{role: user, content: "{{{{ {use} }}}}"}}]}}'

    assert with_steps(steps, sub=SUB).messages == ([] if problem is None else [problem])


def test_a_model_that_refuses_a_parameter_of_an_inner_step_is_found() -> None:
    """
    Given an inner step with a parameter that its model does not take,
    when it is loaded,
    then it is refused where the inner step says it.
    """
    steps = inner("x", "      model: anthropic/claude-sonnet-4-5", "      params: {seed: 1}")

    (problem,) = with_steps(steps).problems

    assert problem.startswith("12:22: step 'say': ")


def test_a_check_inside_may_judge_a_step_beside_it_and_no_other() -> None:
    """
    Given an inner step whose checks judge a step beside it, one that is not there, and the foreach itself,
    when it is loaded,
    then the last two are refused.
    """
    more = """
        - id: judge
          messages: [{role: user, content: x}]
          checks:
            - {type: contains, value: x, of: say}
            - {type: contains, value: x, of: sya, name: b}
            - {type: contains, value: x, of: parts, name: c}
    """

    assert with_steps(loop() + "\n" + dedent(more).replace("\n", "\n    ")).problems == [
        "15:42: there is no step 'sya'",
        "16:42: there is no step 'parts'",
    ]


def test_all_that_is_wrong_inside_is_told_at_once() -> None:
    """
    Given inner steps of which one has no kind, one a prompt that is not there, and one a name undefined,
    when they are loaded,
    then all three are told.
    """
    steps = """
    - id: parts
      foreach: words
      steps:
        - {id: a, descriptoin: x}
        - {id: b, prompt: prompts/none.j2}
        - {id: c, messages: [{role: user, content: "{{ d }}"}]}
    """

    assert with_steps(steps).problems == [
        "9:15: unknown key 'descriptoin'",
        "10:23: steps.steps.prompt: there is no file 'prompts/none.j2'",
        "11:52: 'd' is not defined",
    ]


def test_a_number_that_would_print_differently_is_refused_inside_too() -> None:
    """
    Given such a number in the outputs of a foreach and in the `with` of an inner step,
    when they are loaded,
    then both are refused.
    """
    steps = loop("outputs: {v: 1.10}").replace("content: x}]", "content: x}], with: {n: 1e3}")

    assert [problem.code for problem in with_steps(steps).found] == ["ambiguous", "ambiguous"]


@pytest.mark.parametrize(
    ("tail", "changes", "temperatures"),
    [
        ("variants: {hot: {steps: {parts: {steps: {say: {params: {temperature: 1}}}}}}}", Changes(), [1]),
        ("matrix: {steps.parts.steps.say.params.temperature: [0, 1]}", Changes(), [0, 1]),
        ("", Changes(sets=(("steps.parts.steps.say.params.temperature", "1"),)), [1]),
    ],
)
def test_overrides_reach_inner_steps(tail: str, changes: Changes, temperatures: list[int]) -> None:
    """
    Given a variant, an axis or a flag that names an inner step,
    when the pipeline is loaded,
    then that step has what they say.
    """
    cells = with_steps(loop(), tail, changes).cells.values()

    asked = [dict(step.target.params) for cell in cells for step in cell.all_steps() if step.target]
    assert asked == [{"temperature": value} for value in temperatures]


def test_an_override_of_an_inner_step_that_is_not_there_is_refused() -> None:
    """
    Given a variant that names an inner step wrongly,
    when it is loaded,
    then it says so there.
    """
    loaded = with_steps(loop(), "variants: {hot: {steps: {parts: {steps: {sya: {model: a/b}}}}}}")

    assert loaded.problems == ["10:42: there is no step 'sya' to override"]


def test_the_front_matter_of_an_inner_prompt_says_its_model() -> None:
    """
    Given an inner prompt with a model in its front matter,
    when nothing else says one,
    then that is asked.
    """
    steps = "- {id: parts, foreach: words, steps: [{id: say, prompt: prompts/p.j2}]}"

    loaded = load(HEAD + steps, {"prompts/p.j2": "---\nmodel: echo/front\n---\n{{ item }}"}, model=None)

    (inner_step,) = loaded.cells["base"].steps[0].inner
    assert inner_step.target is not None
    assert inner_step.target.profile.name == "echo/front"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("{text: hi}", None),
        ("{text: '{{ ticket }}', count: 3, tone: loud}", None),
        ("{text: '{{ words[0] }}', count: '{{ words | length }}'}", None),
        ("{txt: hi, text: hi}", "6:50: pipelines/sub.yaml has no input 'txt'"),
        ("{count: 1}", "6:43: nothing gives the input 'text' of pipelines/sub.yaml a value"),
        ("{text: 5}", "6:56: the input 'text' of pipelines/sub.yaml is of type string, but this is 5"),
        (
            "{text: x, count: '5'}",
            "6:66: the input 'count' of pipelines/sub.yaml is of type integer, but this is '5'",
        ),
        (
            "{text: '{{ none }}'}",
            "6:56: the input 'text' of pipelines/sub.yaml has no value",
        ),
        (
            "{text: '{{ words }}'}",
            "6:56: the input 'text' of pipelines/sub.yaml is of type string, but this is of type array",
        ),
        (
            "{text: x, count: '{{ ticket }}'}",
            "6:66: the input 'count' of pipelines/sub.yaml is of type integer, but this is of type string",
        ),
        (
            "{text: x, count: 'n {{ words }}'}",
            "6:66: the input 'count' of pipelines/sub.yaml is of type integer, but this is of type string",
        ),
        (
            "{text: x, tone: shrill}",
            "6:65: the input 'tone' of pipelines/sub.yaml is one of mild, loud, but this is 'shrill'",
        ),
        (
            "{text: ['{{ ticket }}']}",
            "6:56: the input 'text' of pipelines/sub.yaml is of type string, but this is of type array",
        ),
    ],
)
def test_what_a_pipeline_is_given_is_held_to_its_inputs(given: str, problem: str | None) -> None:
    """
    Given a step that calls a pipeline,
    when it gives too little, too much, or what has another type,
    then that is found at its place, as far as types are known.
    """
    steps = f"- {{id: sub, pipeline: pipelines/sub.yaml, with: {given}}}"

    assert with_steps(steps, sub=SUB).problems == ([] if problem is None else [problem])


def test_a_pipeline_that_calls_itself_is_refused_at_its_line() -> None:
    """
    Given pipelines that call themselves: directly, inside a foreach, and by way of another,
    when they are loaded,
    then the line that closes the circle is named, in its file.
    """
    direct = with_steps("- {id: sub, pipeline: pipelines/p.yaml}")
    inside = with_steps("- {id: e, foreach: words, steps: [{id: sub, pipeline: pipelines/p.yaml}]}")
    back = "version: 1\nsteps:\n  - {id: back, pipeline: pipelines/p.yaml}\n"
    around = with_steps("- {id: sub, pipeline: pipelines/other.yaml}", other=back)

    said = "pipelines/p.yaml calls itself: pipelines/p.yaml → pipelines/p.yaml"
    assert direct.problems == [f"6:23: steps.pipeline: {said}"]
    assert inside.problems == [f"6:55: steps.steps.pipeline: {said}"]
    circle = "pipelines/p.yaml → pipelines/other.yaml → pipelines/p.yaml"
    assert around.problems == [
        f"pipelines/other.yaml:3:26: steps.pipeline: pipelines/p.yaml calls itself: {circle}"
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (SUB.replace("{{ count }}", "{{ cuont }}"), ["pipelines/sub.yaml:5:53: 'cuont' is not defined"]),
        (SUB.replace("enum: [yes", "enm: [yes"), ["pipelines/sub.yaml:6:13: steps.output: "]),
        (SUB + "chekcs: []", ["pipelines/sub.yaml:8:1: unknown key 'chekcs'"]),
        ("version: 1", ["pipelines/sub.yaml:1:1: the key 'steps' is missing"]),
        ("- 1", ["pipelines/sub.yaml:1:1: the file must be a map"]),
        ("", ["pipelines/sub.yaml:1:1: "]),
        (
            SUB + "checks: [equals: '{{ labl }}']",
            ["pipelines/sub.yaml:8:22: 'labl' is not defined, where pipelines/p.yaml calls this pipeline"],
        ),
        (SUB + "checks: [equals: '{{ label }}']", []),
    ],
)
def test_what_is_wrong_in_a_called_pipeline_is_found_in_its_file(text: str, problems: list[str]) -> None:
    """
    Given a pipeline that is called, with something wrong in it,
    when its caller is loaded,
    then that is told at its place in the called file.
    """
    found = with_steps("- {id: sub, pipeline: pipelines/sub.yaml, with: {text: x}}", sub=text).problems

    assert len(found) == len(problems), found
    assert all(one.startswith(start) for one, start in zip(found, problems, strict=True)), found


def test_a_pipeline_that_is_not_there_is_told() -> None:
    """
    Given a step that calls a pipeline that is not there,
    when it is loaded,
    then it says so at the step, and what else is wrong is told too.
    """
    steps = "- {id: sub, pipeline: pipelines/sbu.yaml}\n- {id: b, prompt: prompts/none.j2}"

    assert with_steps(steps, sub=SUB).problems == [
        "6:23: steps.pipeline: there is no file 'pipelines/sbu.yaml'",
        "7:19: steps.prompt: there is no file 'prompts/none.j2'",
    ]


NOT_A_PATH = "is of type image: give it a constant path, or an input of that type"
PICTURE = """
version: 1
inputs: {photo: DEFAULT}
steps:
  - id: look
    model: openai/gpt-4o-mini
    prompt: prompts/look.j2
"""


@pytest.mark.parametrize(
    ("given", "default", "problems"),
    [
        ("data/a.gif", "image", []),
        ("data/none.gif", "image", ["6:57: there is no file 'data/none.gif'"]),
        ("data/a.txt", "image", ["6:57: 'data/a.txt' is no PNG, JPEG, GIF or WebP image"]),
        (
            "'{{ ticket }}'",
            "image",
            [f"6:57: the input 'photo' of pipelines/sub.yaml {NOT_A_PATH}"],
        ),
        (
            "data/a.gif",
            "{type: image, default: data/none.gif}",
            ["pipelines/sub.yaml:2:40: there is no file 'data/none.gif'"],
        ),
    ],
)
def test_a_file_that_a_called_pipeline_attaches_is_known_before_the_run(
    given: str, default: str, problems: list[str]
) -> None:
    """
    Given a pipeline that attaches an image, called with a constant path, with one that is no image, with what
    only a row knows, or with a default that is not there,
    when its caller is loaded,
    then all but an image that is there is a problem at its place.
    """
    files = {
        "pipelines/sub.yaml": PICTURE.replace("DEFAULT", default),
        "prompts/look.j2": "{{ image(photo) }}",
        "data/a.gif": "GIF89a.....",
        "data/a.txt": "text",
    }
    step = f"- {{id: sub, pipeline: pipelines/sub.yaml, with: {{photo: {given}}}}}"

    loaded = load(HEAD + step, files)

    assert loaded.problems == problems
    assert problems or "data/a.gif" in loaded.ready.files.files_read


def test_an_item_names_no_file() -> None:
    """
    Given a prompt that attaches the file that an item names,
    when it is loaded,
    then it is refused: what an answer or a list says chooses no file.
    """
    steps = "- {id: parts, foreach: words, steps: [{id: look, prompt: prompts/look.j2}]}"

    loaded = load(HEAD + steps, {"prompts/look.j2": "{{ image(item) }}"})

    assert loaded.messages == ["the path that image(…) takes may not come from 'item', which is no input"]


def test_pipelines_that_multiply_are_refused() -> None:
    """
    Given pipelines that each call the next one ten times, five deep,
    when the first is loaded,
    then it is refused for having too many steps.
    """
    calls = "".join(f"  - {{id: s{number}, pipeline: pipelines/NEXT.yaml}}\n" for number in range(10))
    chain = {
        f"p{depth}": f"version: 1\nsteps:\n{calls.replace('NEXT', f'p{depth + 1}')}" for depth in range(5)
    }
    last = "version: 1\nsteps:\n  - {id: a, messages: [{role: user, content: x}]}\n"

    loaded = with_steps("- {id: sub, pipeline: pipelines/p0.yaml}", "", NO_CHANGES, **chain, p5=last)

    assert {problem.code for problem in loaded.found} == {"too-many-steps"}


def test_a_param_of_the_caller_that_a_called_step_refuses_is_told_in_the_callers_file() -> None:
    """
    Given a called pipeline that names no model, and a caller whose params that model has none of,
    when the caller is loaded,
    then the param is named where it is written.
    """
    sub = "version: 1\nsteps:\n  - {id: say, messages: [{role: user, content: x}]}\n"
    caller = """
        version: 1
        dataset: [{ticket: x}]
        model: openai/o3
        params: {temperature: 0}
        steps:
          - {id: sub, pipeline: pipelines/sub.yaml}
        """

    loaded = load(dedent(caller).lstrip(), {"pipelines/sub.yaml": sub})

    assert loaded.problems == ["4:23: step 'say': o3 has no temperature; take it out of params"]


def test_a_model_of_the_caller_that_is_none_is_told_in_the_callers_file() -> None:
    """
    Given a called pipeline that names no model, and a caller that names one that is none,
    when the caller is loaded,
    then that is told where the model is written.
    """
    sub = "version: 1\nsteps:\n  - {id: say, messages: [{role: user, content: x}]}\n"
    step = "  - {id: sub, pipeline: pipelines/sub.yaml}\n"
    caller = f"version: 1\ndataset: [{{ticket: x}}]\nmodel: gpt\nsteps:\n{step}"

    assert load(caller, {"pipelines/sub.yaml": sub}).problems == ["3:8: 'gpt' is no model"]


def test_a_refused_param_is_told_once_for_all_points_of_an_axis() -> None:
    """
    Given an axis of temperatures, and others beside it, over a model that has no temperature,
    when the pipeline is loaded,
    then each step is told of once for the axis, at its first value.
    """
    pipeline = """
        version: 1
        dataset: [{ticket: x}]
        model: anthropic/claude-opus-5
        matrix:
          params.temperature: [0, 0.5, 1]
          note: {a: {description: x}, b: {description: y}}
        steps:
          - {id: one, messages: [{role: user, content: x}]}
          - {id: two, messages: [{role: user, content: x}]}
        """

    assert load(dedent(pipeline).lstrip()).problems == [
        "5:24: step 'one': claude-opus-5 has no temperature; take it out of params",
        "5:24: step 'two': claude-opus-5 has no temperature; take it out of params",
    ]
