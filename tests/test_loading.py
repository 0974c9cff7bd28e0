"""Loading a pipeline: names, steps, rows, models; all that is wrong is told at once, each at its place."""

import pytest

from promptlab.core.errors import UsageError
from promptlab.loader.changes import Changes
from tests.loading_kit import load

HEAD = """version: 1
inputs: {ticket: string}
dataset: [{ticket: hello, label: a}]
"""
FIRST = """steps:
  - id: first
    messages: [{role: user, content: "{{ ticket }}"}]
    output: {enum: [x, y]}
"""
PROMPT = HEAD + "steps:\n  - {id: a, prompt: prompts/a.j2}\n"


def said(content: str) -> str:
    return f'    messages: [{{role: user, content: "{content}"}}]\n'


def one_step(content: str = "hi", **keys: str) -> str:
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"{HEAD}steps:\n  - id: a\n{said(content)}{more}"


def second_step(content: str = "hi", first: str = "", **keys: str) -> str:
    """Give a pipeline whose second step starts in line 8, or later by the lines of `first`."""
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"{HEAD}{FIRST}{first}  - id: second\n{said(content)}{more}"


def test_a_pipeline_is_loaded_with_its_rows_cells_and_files() -> None:
    """
    Given a pipeline with a prompt and a data file,
    when it is loaded,
    then its name, rows and cells are there, and it remembers the files that it names.
    """
    files = {"prompts/a.j2": "{{ ticket }}", "d.csv": "ticket\nhello\nbye\n"}
    pipeline = (
        "version: 1\ninputs: {ticket: string}\ndataset: d.csv\nsteps: [{id: a, prompt: prompts/a.j2}]\n"
    )

    loaded = load(pipeline, files).ready

    assert (loaded.name, loaded.row_count, [cell.name for cell in loaded.cells]) == ("p", 2, ["base"])
    assert [row.inputs["ticket"] for row in loaded.rows()] == ["hello", "bye"]
    assert sorted(loaded.files.files_read) == ["d.csv", "pipelines/p.yaml", "prompts/a.j2"]


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("{{ tiket }}", "'tiket' is not defined", "did you mean 'ticket'?"),
        (
            "{{ label }}",
            "'label' is a column of the row, but no input",
            "declare it under `inputs` if prompts may see it: label: string",
        ),
        ("{% if false %}{{ nope }}{% endif %}", "'nope' is not defined", "known: second, first, ticket"),
        ("{{ first }}", "'first' is a step", "say first.output, .status or .messages"),
        ("{{ first.text }}", "a step has no 'text'", "say first.output, .status or .messages"),
        ("{{ first.output.foo }}", "first.output has no 'foo'", None),
        ("{{ first.output == 'z' }}", "first.output is never 'z'", "known: x, y"),
        ("{{ second.output }}", "step 'second' names itself", "name another step, or an input"),
    ],
)
def test_a_prompt_may_name_inputs_and_other_steps_only(content: str, message: str, hint: str | None) -> None:
    """
    Given a prompt that names what it may not,
    when its pipeline is loaded,
    then it is told once, at the name or literal, with what may be meant.
    """
    found = load(second_step(content)).found

    assert [(problem.line, problem.message) for problem in found] == [(9, message)]
    assert sorted(str(found[0].hint)) == sorted(str(hint))


@pytest.mark.parametrize(
    "content", ["{{ first.output }}", "{{ first.status }}", "{{ first.messages[0].content }}"]
)
def test_a_prompt_sees_output_status_and_messages_of_other_steps(content: str) -> None:
    """
    Given a prompt that names what a step before it has,
    when its pipeline is loaded,
    then it depends on that step.
    """
    steps = load(second_step(content)).ready.cells[0].steps

    assert [(step.step.id, sorted(step.needs)) for step in steps] == [("first", []), ("second", ["first"])]


def test_the_order_in_which_steps_are_written_does_not_matter() -> None:
    """
    Given a step that names one written after it,
    when its pipeline is loaded,
    then it runs after that one.
    """
    pipeline = f"{HEAD}steps:\n  - id: late\n{said('{{ early.output }}')}  - id: early\n{said('hi')}"

    assert [planned.step.id for planned in load(pipeline).ready.cells[0].steps] == ["early", "late"]


@pytest.mark.parametrize(
    "name", ["row", "item", "output", "outputs", "previous", "range", "loop", "if", "true"]
)
def test_reserved_names_are_refused_for_inputs_and_steps(name: str) -> None:
    """
    Given an input or a step of a name that promptlab or Jinja keeps for itself,
    when the pipeline is loaded,
    then it is refused where the name stands.
    """
    step = load(one_step().replace("id: a", f'id: "{name}"'))
    entry = load(f"version: 1\ninputs: {{{name}: string}}\ndataset: [{{{name}: x}}]\n{FIRST}")

    assert any(found.startswith(f"5:9: the step '{name}' is a name that") for found in step.problems)
    assert any(found.startswith(f"2:10: the input '{name}' is a name that") for found in entry.problems)


@pytest.mark.parametrize("name", ["text", "image", "file"])
def test_an_input_may_hide_a_function_of_templates(name: str) -> None:
    """
    Given an input called like a function of templates,
    when the pipeline is loaded,
    then nothing is wrong.
    """
    pipeline = f"version: 1\ninputs: {{{name}: string}}\ndataset: [{{{name}: x}}]\nsteps:\n  - id: a\n"

    assert load(pipeline + said(f"{{{{ {name} }}}}")).problems == []


@pytest.mark.parametrize(("name", "noun"), [("ticket", "an input"), ("first", "a step")])
def test_a_name_is_given_once(name: str, noun: str) -> None:
    """
    Given a step called like an input or another step,
    when the pipeline is loaded,
    then the second is refused.
    """
    found = load(second_step().replace("id: second", f"id: {name}")).problems

    assert found == [f"8:9: '{name}' is the name of {noun} already"]


@pytest.mark.parametrize(
    ("checks", "places"),
    [
        ("[{type: contains, value: a, of: outputs}]", ["7:45"]),
        ("[{type: all-of, value: [is-json, {type: contains, value: a, of: outputs}]}]", ["7:77"]),
    ],
)
def test_a_steps_check_cannot_judge_the_outputs(checks: str, places: list[str]) -> None:
    """
    Given a step's check, alone or in a group, that asks for the outputs, which come after all steps,
    when the pipeline is loaded,
    then it is refused where it says so; among the pipeline's checks it is right.
    """
    message = "a step's check cannot judge the outputs, which are not there yet"

    assert load(one_step(checks=checks)).problems == [f"{place}: {message}" for place in places]
    assert load(f"{one_step()}checks: {checks}\n").problems == []


def test_what_a_step_needs_must_be_there() -> None:
    """
    Given a step that needs an unknown one,
    when the pipeline is loaded,
    then it is told where it is named.
    """
    loaded = load(second_step(needs="[frist]"))

    assert loaded.problems == ["10:13: there is no step 'frist'"]
    assert loaded.hints == ["did you mean 'first'?"]


def test_a_cycle_is_told_with_its_path() -> None:
    """
    Given three steps that wait for each other in a ring,
    when the pipeline is loaded,
    then the ring is told.
    """
    ring = "".join(f"  - {{id: {a}, needs: [{b}], {said('hi').strip()}}}\n" for a, b in ("ab", "bc", "ca"))

    assert load(f"{HEAD}steps:\n{ring}").problems in (
        ["5:10: steps wait for each other: a → b → c → a"],
        ["6:10: steps wait for each other: b → c → a → b"],
        ["7:10: steps wait for each other: c → a → b → c"],
    )


def test_steps_whose_checks_point_at_each_other_are_told_to_move_a_check() -> None:
    """
    Given two steps, each with a check that judges the other,
    when the pipeline is loaded,
    then it is said where such a check belongs.
    """
    ring = "".join(
        f"  - {{id: {own}, checks: [{{type: is-json, of: {other}}}], {said('hi').strip()}}}\n"
        for own, other in ("ab", "ba")
    )

    loaded = load(f"{HEAD}steps:\n{ring}")

    assert [problem.code for problem in loaded.found] == ["cycle"]
    assert "move the check" in str(loaded.hints[0])
    assert "to the pipeline's `checks`" in str(loaded.hints[0])


def test_a_step_that_only_a_check_names_is_waited_for_and_no_more() -> None:
    """
    Given a step with a check of another step, which nothing else of it names,
    when the pipeline is loaded,
    then the step waits for the other, but for the sake of the check only.
    """
    say = said("hi").strip()
    first, second = f"{{id: first, {say}}}", f"{{id: second, checks: [{{type: is-json, of: first}}], {say}}}"

    loaded = load(f"{HEAD}steps:\n  - {first}\n  - {second}\n")

    planned, only = loaded.cells["base"].steps[-1], frozenset({"first"})

    assert (planned.step.id, planned.needs, planned.for_checks) == ("second", only, only)


def test_a_long_chain_and_a_diamond_are_no_cycles() -> None:
    """
    Given 1,500 steps each of which needs the one before it, and a diamond of four,
    when the pipelines are loaded,
    then their steps are in order.
    """
    head = "version: 1\nsteps:\n  - id: s0\n    messages: &m\n      - {role: user, content: hi}\n"
    chain = "".join(f"  - {{id: s{n}, needs: [s{n - 1}], messages: *m}}\n" for n in range(1, 1500))
    diamond = "  - {id: a, needs: [s0], messages: *m}\n  - {id: b, needs: [s0], messages: *m}\n"
    last = "  - {id: c, needs: [a, b], messages: *m}\n"

    long = load(head + chain).ready.cells[0].steps
    wide = load(head + diamond + last).ready.cells[0].steps

    assert [planned.step.id for planned in long] == [f"s{n}" for n in range(1500)]
    assert [wide[0].step.id, wide[-1].step.id] == ["s0", "c"]


def test_with_replaces_what_a_prompt_sees() -> None:
    """
    Given a step with `with`,
    when its prompt names an input that `with` does not,
    then that is not defined; what `with` gives is.
    """
    loaded = load(second_step("{{ ticket }} {{ it }}", **{"with": '{it: "{{ ticket }}"}'}))

    assert loaded.problems == ["9:42: 'ticket' is not defined"]


SKIPPABLE = "    when: ticket == 'x'\n"


@pytest.mark.parametrize(
    "keys",
    [
        {"when": "first.output is defined"},
        {"when": "first.status == 'passed'"},
    ],
    ids=str,
)
def test_a_skippable_step_may_be_named_where_a_when_tests_it(keys: dict[str, str]) -> None:
    """
    Given a step that may be skipped, and one that names it under a `when` that tests it,
    when the pipeline is loaded,
    then nothing is wrong.
    """
    assert load(second_step("{{ first.output }}", SKIPPABLE, **keys)).problems == []


@pytest.mark.parametrize("first", [SKIPPABLE, "    on_error: skip\n"])
def test_a_skippable_step_without_a_default_is_a_problem(first: str) -> None:
    """
    Given a step that `when` or an error may skip,
    when a prompt or the outputs name its output,
    then each is told, but where there is a default or a test.
    """
    outputs = 'outputs: {o: "{{ first.output }}", d: "{{ first.output | default(none) }}"}\n'
    tested = "{% if first.output is defined %}{{ first.output }}{% endif %}"
    prompt = "{{ first.output }} {{ first.output | default('-') }}" + tested

    found = load(second_step(prompt, first) + outputs)

    assert found.problems == [
        "10:42: step 'first' may be skipped, and then has no output",
        "11:18: step 'first' may be skipped, and then has no output",
    ]


def test_an_output_with_a_schema_is_known_to_templates() -> None:
    """
    Given a step whose output has a JSON Schema,
    when a prompt names a key that it has not, or compares one with a word that it never is,
    then both are told.
    """
    schema = "{schema: {type: object, properties: {label: {enum: [p, q]}, tags: {type: array}}}}"
    prompt = "{{ first.output.lable }} {{ first.output.label == 'r' }} {{ first.output.tags[0].x }}"

    loaded = load(second_step(prompt).replace("{enum: [x, y]}", schema))

    assert loaded.messages == ["first.output has no 'lable'", "first.output.label is never 'r'"]


def test_a_judge_that_is_no_model_is_told_how_to_write_one() -> None:
    """
    Given a check whose judge is no provider/model,
    when its pipeline is loaded,
    then the hint says how a model is named.
    """
    (problem,) = load(one_step(checks="[{type: llm-rubric, value: good, judge: gpt}]")).found

    assert (problem.message, problem.hint) == (
        "steps.checks.judge: 'gpt' is not allowed here",
        "say provider/model, as openai/gpt-4o-mini",
    )


@pytest.mark.parametrize("name", ["aux", "NUL.v2", "Com1 .x", "words.", "words "])
def test_a_name_that_is_no_folder_everywhere_is_refused(name: str) -> None:
    """
    Given a pipeline whose name is a device of Windows, or ends as no folder there does,
    when it is loaded,
    then it is told why: recordings lie in a folder of this name.
    """
    (problem,) = load(f'name: "{name}"\n{one_step()}').found

    assert problem.message == (
        f"name: {name!r} cannot be a folder on Windows, and recordings lie in one of this name"
    )


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("{{ ticket == 'x' }}", "write it like ticket == 'x'"),
        ("{% if ticket %}1{% endif %}", "join conditions by `and`, `or` and `not`"),
    ],
)
def test_an_expression_in_braces_is_told_as_such(when: str, hint: str) -> None:
    """
    Given a `when` that is written as if it were a template,
    when its pipeline is loaded,
    then it is told at its begin, with how to write it.
    """
    (problem,) = load(one_step(when=f'"{when}"')).found

    assert (problem.line, problem.column) == (7, 12)
    assert (problem.message, problem.hint) == ("an expression is written without braces", hint)


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("{{ first.output == 'unknown' }} {{ first.output == 'x' }}", []),
        ("{{ first.output == 'unknwon' }}", ["first.output is never 'unknwon'"]),
        ("{{ first.output.why }} {{ first.output.team == 'none' }}", []),
        ("{{ first.output.wyh }}", ["first.output has no 'wyh'"]),
    ],
)
def test_what_stands_in_for_an_error_may_be_named(prompt: str, messages: list[str]) -> None:
    """
    Given a step that has another output where it errors,
    when a prompt compares with it or names a key of it,
    then that is no problem, but a slip of the pen is one still.
    """
    default = "{team: none, why: it errored}" if ".why" in prompt or ".wyh" in prompt else "unknown"

    loaded = load(
        second_step(prompt).replace(
            "{enum: [x, y]}", f"{{enum: [x, y]}}\n    on_error: {{default: {default}}}"
        )
    )

    assert loaded.messages == messages


@pytest.mark.parametrize(
    ("loop", "literal"),
    [("on_error: {default: lost}", "lost"), ("max_concurrency: 2", "unknown"), ("max_concurrency: 2", "x")],
)
def test_the_words_of_a_list_are_also_the_defaults_inside_it(loop: str, literal: str) -> None:
    """
    Given a loop whose items give words, or a default where they error,
    when a prompt compares an item with any of these,
    then that is no problem.
    """
    said_so = "output: {enum: [x, y]}, messages: [{role: user, content: hi}]"
    inner = f"{{id: sort, on_error: {{default: unknown}}, {said_so}}}"
    pipeline = (
        f"{HEAD}steps:\n  - {{id: parts, foreach: 'range(2)', {loop}, steps: [{inner}]}}\n"
        f"  - id: last\n{said(f"{{{{ parts.output[0] == '{literal}' }}}}")}"
    )

    assert load(pipeline).problems == []


def test_a_schema_that_refers_to_itself_is_searched_once() -> None:
    """
    Given an output whose schema is a tree of itself, many times over,
    when a prompt names a key deep in it,
    then loading ends, and the key may be there.
    """
    node = "{properties: {next: {anyOf: [" + ", ".join(["{$ref: '#/$defs/n'}"] * 12) + "]}}}"
    schema = f"{{schema: {{$ref: '#/$defs/n', $defs: {{n: {node}}}}}}}"
    prompt = "{{ first.output.next.next.next.next.next }}"

    assert load(second_step(prompt).replace("{enum: [x, y]}", schema)).problems == []


def test_constants_of_checks_are_held_to_an_enum() -> None:
    """
    Given checks that compare steps of an enum with constants,
    when the pipeline is loaded,
    then the constants that these never say are told.
    """
    of_first, transformed = (
        "{type: equals, value: m, of: first}",
        "{type: equals, value: m, transform: output}",
    )
    checks = f"[equals: m, equals: k, not-equals: m, {of_first}, {transformed}]"

    loaded = load(second_step(output="{enum: [k, l]}", checks=checks))

    assert loaded.messages == [
        "second.output is never 'm'",
        "second.output is never 'm'",
        "first.output is never 'm'",
    ]
    assert {problem.line for problem in loaded.found} == {11}


def test_checks_see_all_columns_the_row_and_the_output() -> None:
    """
    Given checks that name a column which is no input, `row`, `output` and another step,
    when the pipeline is loaded,
    then nothing is wrong; an unknown name is told in them too.
    """
    checks = """
      - equals: "{{ label }}"
      - expression: output == row['label'] and first.output
      - contains: "{{ lable }}"
"""
    assert load(second_step(checks=checks)).problems == ["13:23: 'lable' is not defined"]


def test_checks_of_one_name_are_refused() -> None:
    """
    Given two checks of one step with the same name,
    when the pipeline is loaded,
    then they are refused.
    """
    checks = "[{type: equals, value: a, name: q}, {type: equals, value: b, name: q}]"

    assert [problem.code for problem in load(one_step(checks=checks)).found] == ["name"]


@pytest.mark.parametrize("key", ["foreach_: ticket", "pipelines: p"])
def test_keys_of_steps_that_are_not_built_are_unknown(key: str) -> None:
    """
    Given a step with a key that comes later,
    when the pipeline is loaded,
    then it is refused as unknown, never ignored.
    """
    name = key.partition(":")[0]

    assert load(f"{one_step()}    {key}\n").problems == [f"7:5: unknown key '{name}'"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("judges: openai/x", "4:1: unknown key 'judges'"),
        ("metricz: []", "4:1: unknown key 'metricz'"),
        ("Model: echo/echo", "4:1: unknown key 'Model'"),
        ("limits: {cost_usd_per_day: 3}", "4:10: unknown key 'cost_usd_per_day'"),
        (
            "gates: [{metric: pass_rate, min: 0, against: baseline}]",
            "4:9: gates: a gate is held against a number or against a base; write two gates",
        ),
        ("repeat: {count: 3, untill: decided}", "4:20: unknown key 'untill'"),
        ("params: {temprature: 1}", "4:10: unknown key 'temprature'"),
        ("name: 1.10", "4:7: name must be text, but is a number, 1.1"),
        ('params: {temperature: "0"}', "4:23: params.temperature must be a number, but is text, '0'"),
        ("repeat: {count: 2, pass: 3}", "4:9: repeat: pass: 3 is more than count: 2"),
        ("gates: [{metric: pas_rate, min: 1}]", "4:18: unknown metric 'pas_rate'"),
        ("gates: [{metric: pass_rate, min: 1, variant: b}]", "4:46: unknown variant 'b'"),
        ("gates: [{metric: pass_rate}]", "4:9: gates: a gate needs `min`, `max` or `against`"),
        ('outputs: {a: "{{ nope }}"}', "4:18: 'nope' is not defined"),
        ("model: nope/x", "4:8: unknown provider 'nope'; did you mean 'openai'?"),
        ("model: zzz/x", "4:8: unknown provider 'zzz'; name it under `providers` in promptlab.yaml"),
        ("model: gpt", "4:8: 'gpt' is no model"),
        ("model: ''", "4:8: '' is no model"),
        ("variants: {a: {steps: {a: {model: ''}}}}", "4:35: '' is no model"),
        ("variants: {a b: {}}", "4:12: 'a b' cannot be the name of a variant"),
        ("variants: {a: {name: b}}", "4:16: 'name' cannot be overridden: it is the same in all cells"),
        (
            "variants: {a: {repeat.count: 2}}",
            "4:16: 'repeat.count' cannot be overridden: it is the same in all cells",
        ),
        ("variants: {a: {steps: {b: {model: x/y}}}}", "4:24: there is no step 'b' to override"),
        ("variants: {a: {modl: x/y}}", "4:16: unknown key 'modl'"),
        ("variants: {a: 3}", "4:15: overrides must be a map"),
        (
            "matrix: {params.temperature: [0, 0]}",
            "4:1: 2 cells have the same name, 'base temperature=0'",
        ),
        ("matrix: {llm: 3}", "4:15: the axis 'llm' needs a list of values or a map of overrides"),
        ("matrix: {repeat: [1, 2]}", "4:10: 'repeat' cannot be overridden: it is the same in all cells"),
    ],
)
def test_what_a_pipeline_may_not_say_is_told_once_at_its_place(line: str, problem: str) -> None:
    """
    Given a pipeline with one thing wrong at its top,
    when it is loaded,
    then that is told, once, where it stands.
    """
    assert load(one_step().replace("steps:", f"{line}\nsteps:")).problems == [problem]


def test_all_problems_are_told_at_once() -> None:
    """
    Given a pipeline with a wrong key, type, prompt, check, column and gate,
    when it is loaded,
    then all are told, in order.
    """
    pipeline = """
        version: 2
        inputs: {ticket: strin, missing: string}
        dataset: d.csv
        tagz: [a]
        steps:
          - id: a
            prompt: prompts/nope.j2
          - id: b
            messages: [{role: user, content: "{{ ticket }} {{ a.output }} {{ nope }}"}]
            checks: [is-jsn]
        gates: [{metric: nope, min: 1}]
        """

    found = load(pipeline, {"d.csv": "ticket\nhello\n"}).messages

    assert [message.split(",")[0] for message in found] == [
        "there is no column for the input 'missing'",
        "version must be 1",
        "inputs.ticket must be 'string'",
        "unknown key 'tagz'",
        "steps.prompt: there is no file 'prompts/nope.j2'",
        "'nope' is not defined",
        "steps.checks: unknown check 'is-jsn'",
        "unknown metric 'nope'",
    ]


AMBIGUOUS = """
steps:
  - id: a
    messages: [{role: user, content: "{{ x }}"}]
    with: {x: 1.10, fine: 1.5, quoted: "1.10"}
    on_error: {default: [1e3]}
    params: {temperature: 0.70}
    checks:
      - equals: 2.0e0
      - {type: equals, value: 3.50, threshold: 0.50}
      - cost: 1.10
      - levenshtein: "3.0"
outputs: {o: {deep: 5e0}}
matrix: {params.top_p: [0.5, 0.60]}
limits: {cost_usd: 1.10}
gates: [{metric: pass_rate, min: 0.90}]
"""


def test_numbers_that_print_differently_are_refused_where_text_may_be_meant() -> None:
    """
    Given numbers as `1.10` where any JSON may stand, and where only a number may,
    when the pipeline is loaded,
    then the former are refused with "quote it", the latter are numbers.
    """
    loaded = load(HEAD + AMBIGUOUS.lstrip())

    assert [message.partition(" ")[0] for message in loaded.messages] == [
        f"'{text}'" for text in ("1.10", "1e3", "2.0e0", "3.50", "5e0", "0.60")
    ]
    assert all(str(hint).startswith("quote it") for hint in loaded.hints)


FRONT = "---\ndescription: x\nmodel: echo/front\nparams: {seed: 1, max_tokens: 9}\n---\n{{ ticket }}\n"


def test_what_says_model_and_params_first_goes_first() -> None:
    """
    Given model and params in step, pipeline and front matter,
    when the pipeline is loaded,
    then each is from the first that says it.
    """
    pipeline = PROMPT.replace("steps:", "params: {max_tokens: 7, temperature: 1}\nsteps:")

    step = load(pipeline.replace("a.j2}", "a.j2, params: {temperature: 0}}"), {"prompts/a.j2": FRONT})
    whole = load(pipeline.replace("params", "model: echo/whole\nparams"), {"prompts/a.j2": FRONT})

    target = step.ready.cells[0].steps[0].target
    assert target is not None
    assert (target.profile.name, dict(target.params)) == (
        "echo/front",
        {"temperature": 0, "max_tokens": 7, "seed": 1},
    )
    assert whole.ready.cells[0].steps[0].target.profile.name == "echo/whole"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("front", "body", "problem"),
    [
        ("modl: x", "", "prompts/a.j2:2:1: unknown key 'modl'"),
        ("params: {seed: x}", "", "prompts/a.j2:2:16: params.seed must be a whole number, but is text, 'x'"),
        ("output: {enum: 3}", "", "prompts/a.j2:2:9: output: enum needs a list of words"),
        ("inputs: {a: {type: strng}}", "", "prompts/a.j2:2:20: inputs.a.type must be 'string'"),
        ("model: nope/x", "", "5:21: unknown provider 'nope'"),
        ("description: x", "\n  {{ tiket }}", "prompts/a.j2:5:6: 'tiket' is not defined"),
        ("description: x", "{% include 'b.j2' %}", "prompts/b.j2:4:4: 'nope' is not defined"),
        ("description: x", "{% include 'c.j2' %}", "prompts/a.j2:4:13: there is no template"),
    ],
)
def test_problems_of_a_prompt_are_told_in_its_file(front: str, body: str, problem: str) -> None:
    """
    Given a prompt with something wrong in its front matter, its template, or what that includes,
    when its pipeline is loaded,
    then it is told at its line and column in that file.
    """
    files = {
        "prompts/a.j2": f"---\n{front}\n---\n{body or 'hi'}",
        "prompts/b.j2": "---\ndescription: y\n---\n{{ nope }}",
    }

    found = load(PROMPT, files).problems

    assert [text.startswith(problem) for text in found] == [True], found


def test_problems_in_a_block_of_text_are_told_at_their_line() -> None:
    """
    Given a message over several lines,
    when a name in its third line is unknown,
    then it is told at its line and column in the pipeline.
    """
    text = "          One\n          two\n            {{ nope }}\n"
    block = f"    messages:\n      - role: user\n        content: |\n{text}"

    assert load(f"{HEAD}steps:\n  - id: a\n{block}").problems == ["11:16: 'nope' is not defined"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("s.json", "s.json:1:10: not a JSON Schema: type: 'objec' is not valid"),
        ("cut.json", "cut.json:1:10: the text ends where a value is due"),
        ("nope.json", "7:22: steps.output: there is no file 'nope.json'"),
        ("list.json", "list.json:1:1: a schema is a map"),
        ("{type: objec}", "7:29: steps.output: not a JSON Schema: type: 'objec' is not valid"),
    ],
)
def test_a_wrong_schema_is_told_where_it_is_written(source: str, problem: str) -> None:
    """
    Given an output whose schema is wrong, in place or in a file,
    when the pipeline is loaded,
    then that is told once, in place or in the file.
    """
    files = {"s.json": '{"type": "objec"}', "cut.json": '{"type": ', "list.json": "[1]"}

    found = load(one_step(output=f"{{schema: {source}}}"), files).problems

    assert [text.startswith(problem) for text in found] == [True], found


@pytest.mark.parametrize(
    ("reference", "problems"),
    [
        ("t.py:f", ["6:13: t.py:f needs the argument 'y'", "6:13: t.py:f has no parameter 'x'; it takes y"]),
        ("t.py:g", ["6:13: steps.python: no function 'g' in t.py"]),
        ("u.py:g", ["6:13: steps.python: no file 'u.py'"]),
        ("bad.py:g", ["bad.py:1:7: not valid Python: invalid syntax"]),
        ("t.py", ["6:13: steps.python: 't.py' is not a path.py:function"]),
    ],
)
def test_python_is_read_and_never_run(reference: str, problems: list[str]) -> None:
    """
    Given a step whose function is missing, wrong, or takes other arguments,
    when the pipeline is loaded,
    then that is told, and the function's file is not run.
    """
    files = {"t.py": "raise SystemExit\ndef f(y): pass\n", "bad.py": "def g(:\n"}
    pipeline = f"{HEAD}steps:\n  - id: a\n    python: {reference}\n    with: {{x: 1}}\n"

    assert load(pipeline, files).problems == problems


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("pipeline", "8:20: step 'a': claude-x has no seed; take it out of params"),
        ("step", "8:20: step 'a': claude-x has no seed; take it out of params"),
    ],
)
def test_params_that_a_model_refuses_are_told_before_any_call(where: str, problem: str) -> None:
    """
    Given a model that has no such parameter,
    when the pipeline is loaded without any key,
    then that is told where the parameter is said.
    """
    model = "model: anthropic/claude-x"
    at_top = one_step(params="{seed: 3}").replace("version: 1\n", f"version: 1\n{model}\n")
    at_step = one_step(model="anthropic/claude-x", params="{seed: 3}")

    assert load(at_top if where == "pipeline" else at_step).problems == [problem]


def test_the_models_of_all_steps_are_looked_at() -> None:
    """
    Given steps whose models refuse what they are given, one by its own params, one by the pipeline's,
    when the pipeline is loaded,
    then each is told at its own place.
    """
    pipeline = """\
        version: 1
        dataset: [{a: b}]
        params: {temperature: 0.5}
        steps:
          - {id: a, model: anthropic/x, messages: [{role: user, content: hi}]}
          - id: b
            foreach: "[1]"
            steps:
              - id: c
                messages: [{role: user, content: hi}]
                params:
                  extra: {model: y}
          - {id: d, model: nope/x, messages: [{role: user, content: hi}]}
    """

    assert load(pipeline).problems == [
        "3:23: step 'a': x has no temperature; take it out of params",
        "12:18: step 'c': extra cannot say model; that is not a parameter",
        "13:20: unknown provider 'nope'; did you mean 'openai'?",
    ]


def test_a_step_without_a_model_is_told() -> None:
    """
    Given a pipeline in which nothing says a model,
    when it is loaded,
    then its step is told to have none.
    """
    assert load(one_step(), model=None).problems == ["5:9: step 'a' has no model"]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("[{id: a}]", "4:9: steps: nothing says what kind of step this is"),
        ("[{id: a, promt: x}]", "4:17: unknown key 'promt'"),
        ("[{id: a, model: e/m, promt: x}]", "4:29: unknown key 'promt'"),
        (
            "[{id: a, foraech: x, as: y, steps: []}]",
            "4:17: unknown key 'foraech'",
        ),
        (
            "[{id: a, prompt: x, python: t.py:f}]",
            "4:28: a step is of one kind, but this one has prompt and python",
        ),
        ("[{prompt: prompts/a.j2}]", "4:9: the key 'id' is missing"),
        ("[x]", "4:9: steps: a step must be a map"),
        ("[]", "4:8: steps: needs at least one item"),
        ("3", "4:8: steps must be a list, but is a number, 3"),
    ],
)
def test_a_step_is_of_one_kind(steps: str, problem: str) -> None:
    """
    Given steps that are none,
    when the pipeline is loaded,
    then it is told what is wrong.
    """
    assert load(f"{HEAD}steps: {steps}\n", {"prompts/a.j2": "hi"}).problems == [problem]


CELLS = """version: 1
inputs: {ticket: string}
dataset: [{ticket: hello}]
params: {temperature: 0, max_tokens: 5}
variants:
  base: {}
  hot: {params: {temperature: 1}, steps: {a: {description: hotter}}}
  free: {params: {temperature: null}}
matrix:
  params.top_p: [0.5, 1]
  llm: {mini: {model: echo/mini}, small: {model: echo/small}}
steps:
  - id: a
    messages: [{role: user, content: hi}]
"""


def test_variants_and_axes_make_cells_that_are_called_by_both() -> None:
    """
    Given three variants and two axes,
    when the pipeline is loaded,
    then there are twelve cells, each called by its variant and its axes, sorted by name.
    """
    cells = load(CELLS).cells

    assert len(cells) == 12
    cell = cells["hot llm=small top_p=0.5"]
    assert (cell.variant, cell.axes) == ("hot", {"llm": "small", "top_p": 0.5})
    assert (cell.spec.params.temperature, cell.spec.params.max_tokens, cell.spec.params.top_p) == (1, 5, 0.5)
    assert (cell.spec.model, cell.spec.steps[0].description) == ("echo/small", "hotter")
    assert cells["free llm=mini top_p=1"].spec.params.temperature is None


def test_axes_of_one_last_part_are_called_by_their_whole_paths() -> None:
    """
    Given two dotted axes that end alike,
    when the pipeline is loaded,
    then cells are called by the whole paths.
    """
    matrix = "matrix: {model: [echo/a], steps.a.model: [echo/b]}\n"

    assert list(load(one_step().replace("steps:", f"{matrix}steps:", 1)).cells) == [
        "base model=echo/a steps.a.model=echo/b"
    ]


def test_set_goes_before_axes_and_variants() -> None:
    """
    Given --set for what a variant and an axis say too, and --variant for one cell,
    when the pipeline is loaded,
    then that cell alone is there, and says what was set.
    """
    changes = Changes(
        sets=(("params.temperature", "0.5"), ("steps.a.model", "echo/set"), ("params.max_tokens", "null")),
        variants=("hot llm=mini top_p=1",),
    )

    loaded = load(CELLS, changes=changes)

    assert list(loaded.cells) == ["hot llm=mini top_p=1"]
    spec = loaded.cells["hot llm=mini top_p=1"].spec
    assert (spec.params.temperature, spec.params.max_tokens, spec.steps[0].model) == (0.5, None, "echo/set")


def test_repeat_is_set_in_all_cells() -> None:
    """
    Given --repeat and --variant,
    when the pipeline is loaded,
    then the cells of the variant have that many repeats.
    """
    cells = load(CELLS, changes=Changes(variants=("hot",), repeat=3)).cells

    assert {cell.spec.repeat.count for cell in cells.values()} == {3}
    assert {cell.variant for cell in cells.values()} == {"hot"}


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("params.temprature", "1", "--set params.temprature:1:1: unknown key 'temprature'"),
        ("steps.b.model", "x/y", "--set steps.b.model:1:1: there is no step 'b' to override"),
        ("params.seed", "x", "--set params.seed:1:1: params.seed must be a whole number, but is text, 'x'"),
        ("params", "{", "--set params:1:1: "),
        ("model", "", "--set model:1:1: the value is empty"),
    ],
)
def test_what_is_set_wrongly_is_told_as_such(path: str, text: str, problem: str) -> None:
    """
    Given a --set of an unknown key, step, or a value that cannot be,
    when the pipeline is loaded,
    then the problem names the flag, once for all cells.
    """
    found = load(CELLS, changes=Changes(sets=((path, text),))).problems

    assert [one.startswith(problem) for one in found] == [True], found


def test_an_unknown_variant_is_a_wrong_use() -> None:
    """
    Given --variant with a name that no variant and no cell has,
    when the pipeline is loaded,
    then it is refused with what was meant.
    """
    with pytest.raises(UsageError, match="no variant 'hott'") as caught:
        load(CELLS, changes=Changes(variants=("hott",)))

    assert caught.value.hint == "did you mean 'hot'?"


def test_inputs_make_one_row_of_their_types() -> None:
    """
    Given -i for inputs of several types, and a dataset that is not there,
    when the pipeline is loaded,
    then there is one row, and the dataset is not read.
    """
    pipeline = one_step("{{ n }} {{ ticket }}", checks='[equals: "{{ label | default(1) }}"]').replace(
        "{ticket: string}", "{ticket: string, n: integer, tags: {type: array, default: []}}"
    )
    changes = Changes(inputs={"ticket": "12", "n": "12"})

    loaded = load(pipeline.replace("[{ticket: hello, label: a}]", "nope.csv"), changes=changes).ready

    assert [row.inputs for row in loaded.rows()] == [{"ticket": "12", "n": 12, "tags": []}]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"tikcet": "x"}, "-i tikcet: there is no such input"),
        ({"ticket": "x", "n": "many"}, "-i n: integer is wanted, and the value is not JSON"),
    ],
)
def test_wrong_inputs_are_a_wrong_use(inputs: dict[str, str], message: str) -> None:
    """
    Given -i for an unknown input, or with a value of another type,
    when the pipeline is loaded,
    then it is refused.
    """
    pipeline = one_step().replace("{ticket: string}", "{ticket: string, n: {type: integer, default: 1}}")

    with pytest.raises(UsageError) as caught:
        load(pipeline, changes=Changes(inputs=inputs))

    assert caught.value.message == message


def test_what_only_checks_name_can_be_given_with_the_inputs() -> None:
    """
    Given a pipeline whose checks name columns that are no inputs, which prompts may not see,
    when -i gives them beside the inputs,
    then the one row has them, and a slip in such a name is told with what was meant.
    """
    pipeline = one_step(checks="""[equals: "{{ label }}", contains: "{{ row['the topic'] }}"]""")

    loaded = load(pipeline, changes=Changes(inputs={"ticket": "x", "label": "a", "the topic": "b"})).ready

    (row,) = loaded.rows()
    assert (row.inputs, row.columns["label"], row.columns["the topic"]) == ({"ticket": "x"}, "a", "b")
    with pytest.raises(UsageError, match="-i lable") as caught:
        load(pipeline, changes=Changes(inputs={"ticket": "x", "lable": "a"}))
    assert caught.value.hint == "did you mean 'label'?"


def test_a_pipeline_without_rows_needs_defaults() -> None:
    """
    Given a pipeline without a dataset, one of whose inputs has no default,
    when it is loaded,
    then that input is told; with defaults there is one row.
    """
    without = one_step().replace("dataset: [{ticket: hello, label: a}]\n", "")

    assert load(without).problems == ["2:18: nothing gives the input 'ticket' a value"]
    loaded = load(without.replace("{ticket: string}", "{ticket: {default: hi}}")).ready
    assert [row.inputs for row in loaded.rows()] == [{"ticket": "hi"}]


def test_inputs_are_the_first_rows_columns_where_none_are_declared() -> None:
    """
    Given a pipeline without inputs over a CSV file,
    when a prompt names a column and what is none,
    then only the latter is told.
    """
    pipeline = one_step("{{ x }} {{ z }}").replace("inputs: {ticket: string}\n", "")
    pipeline = pipeline.replace("[{ticket: hello, label: a}]", "d.csv")

    assert load(pipeline, {"d.csv": "x,y\n1,2\n"}).problems == ["5:50: 'z' is not defined"]


def test_the_rows_own_checks_are_read_before_the_run() -> None:
    """
    Given a row with a check of its own that does not exist,
    when the pipeline is loaded,
    then it is told at the row.
    """
    pipeline = one_step().replace("[{ticket: hello, label: a}]", "d.jsonl")
    rows = '{"ticket": "a"}\n{"ticket": "b", "$checks": [{"foo": 1}]}\n'

    found = load(pipeline, {"d.jsonl": rows}).problems

    assert [one.startswith("d.jsonl:2:") and "foo" in one for one in found] == [True], found
