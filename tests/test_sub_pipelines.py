"""`pipeline`: a pipeline as a step of another one."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.provider import InvalidRequest
from promptlab.live.project_log import open_log
from promptlab.loader.project import open_project
from tests.cli_kit import Cli
from tests.nested_kit import Nested, echo, outputs, states, step_of, verdicts
from tests.scripted import ScriptedProvider, texts

SUB = """\
version: 1
inputs: {text: string, mark: {type: string, default: "!"}}
dataset: [{text: of its own}]
variants: {base: {}, loud: {params: {temperature: 1}}}
repeat: 3
gates: [{metric: pass_rate, min: 1}]
limits: {requests: 1}
steps:
  - id: shout
    messages: [{role: user, content: "{{ text }}{{ mark }}"}]
    checks: [{type: ends-with, value: "{{ mark }}", metric: marked}]
  - id: again
    messages: [{role: user, content: "{{ shout.output }}{{ mark }}"}]
outputs: {first: "{{ shout.output }}", second: "{{ again.output }}"}
checks: [is-json, {type: contains, path: first, value: "{{ label }}", name: labelled}]
"""
CALLER = """\
version: 1
inputs: {word: string}
dataset: [{word: hey, label: he}]
steps:
  - id: sub
    pipeline: pipelines/sub.yaml
    with: {text: "{{ word }}"}
"""


def caller(*lines: str, sub: str = SUB, **files: str) -> Nested:
    """Give a pipeline whose step `sub` has these lines too."""
    more = "".join(f"    {line}\n" for line in lines)
    return Nested(CALLER + more, {"pipelines/sub.yaml": sub, **files})


async def test_its_outputs_are_the_output_of_the_step() -> None:
    """
    Given a pipeline that calls another, which has a dataset, variants, repeats, gates and limits of its own,
    when it runs,
    then it runs the other's steps once for its own row, and its outputs are the step's.
    """
    one = caller()

    trial = await one.run_one()

    assert trial.outputs == {"first": "hey!", "second": "hey!!"}
    assert outputs(trial) == {"sub": trial.outputs, "sub.shout": "hey!", "sub.again": "hey!!"}
    assert texts(one.provider.journal) == ["hey!", "hey!!"]


async def test_without_outputs_it_gives_the_output_of_the_step_written_last() -> None:
    """
    Given a called pipeline without `outputs`,
    when it is called,
    then the step's output is that of its last step.
    """
    one = caller("checks: [equals: hey!!]", sub=SUB[: SUB.index("outputs:")])

    trial = await one.run_one()

    assert (trial.status, trial.outputs) == ("passed", "hey!!")


async def test_its_checks_judge_like_checks_of_the_step() -> None:
    """
    Given checks at the step, at the called pipeline, and at a step of that,
    when the called pipeline runs,
    then all are verdicts of the trial under different names, and see the row of the caller.
    """
    trial = await caller("checks: [is-json]").run_one()

    assert verdicts(trial) == [
        ("sub", "is-json", "passed"),
        ("sub", "is-json-2", "passed"),
        ("sub", "labelled", "passed"),
        ("sub.shout", "ends-with", "passed"),
    ]


async def test_a_check_that_fails_inside_fails_the_step_and_the_trial() -> None:
    """
    Given a called pipeline whose own check fails,
    when it is called,
    then the step and the trial failed.
    """
    one = Nested(CALLER.replace("label: he", "label: ho"), {"pipelines/sub.yaml": SUB})

    trial = await one.run_one()

    assert (trial.status, states(trial)["sub"], states(trial)["sub.shout"]) == ("failed", "failed", "passed")


def refusing() -> ScriptedProvider:
    def answer(request: CompletionRequest) -> str:
        if echo(request).endswith("!!"):
            raise InvalidRequest("no", status=400)
        return echo(request)

    return ScriptedProvider(answer)


@pytest.mark.parametrize(
    ("on_error", "status", "state", "made"),
    [
        ("fail", "errored", "errored", None),
        ("skip", "skipped", "skipped", None),
        ("{default: {first: none}}", "passed", "passed", {"first": "none"}),
    ],
)
async def test_a_step_that_errors_inside_errors_the_trial_only_through_the_step(
    on_error: str, status: str, state: str, made: object
) -> None:
    """
    Given a called pipeline whose second call is refused,
    when it is called under each `on_error`,
    then the step errored, is skipped, or has the default, and so the trial; what it spent is told.
    """
    files = {"pipelines/sub.yaml": SUB}

    trial = await Nested(f"{CALLER}    on_error: {on_error}\n", files, provider=refusing()).run_one()

    assert (trial.status, states(trial)["sub"], step_of(trial, "sub").made) == (status, state, made)
    assert states(trial)["sub.again"] == "errored"
    assert trial.cost_usd == pytest.approx(0.00002)
    assert step_of(trial, "sub").error == "sub.again: no"


async def test_a_value_that_does_not_fit_an_input_is_an_error_of_the_step() -> None:
    """
    Given a value that is known only when it is there, and is none for the input,
    when the pipeline is called,
    then the step errored and names the input, and nothing is sent for it.
    """
    pipeline = CALLER.replace("{{ word }}", "{{ {'a': word} if word else word }}")
    one = Nested(pipeline, {"pipelines/sub.yaml": SUB})

    trial = await one.run_one()

    assert step_of(trial, "sub").error == (
        'the input \'text\' of pipelines/sub.yaml is of type string, but this is {"a": "hey"}'
    )
    assert one.provider.journal == []


async def test_null_is_no_value() -> None:
    """
    Given null for an input that has a default, and for one that has none,
    when the pipeline is called,
    then the first takes its default, and the second is an error of the step.
    """
    with_default = CALLER.replace('{{ word }}"', '{{ word }}", mark: "{{ none if word else word }}"')
    without = CALLER.replace("{{ word }}", "{{ none if word else word }}")
    files = {"pipelines/sub.yaml": SUB}

    good, bad = await Nested(with_default, files).run_one(), await Nested(without, files).run_one()

    assert step_of(good, "sub.shout").made == "hey!"
    assert step_of(bad, "sub").error == "the input 'text' of pipelines/sub.yaml has no value"


@pytest.mark.parametrize(
    ("model", "asked", "params"),
    [
        ("", "echo/of-caller", {"temperature": 0.5, "seed": 1}),
        ("model: echo/own\n", "echo/own", {"seed": 1}),
    ],
)
async def test_a_pipeline_that_names_no_model_takes_its_callers(
    model: str, asked: str, params: dict[str, object]
) -> None:
    """
    Given a caller with model and params, and a called pipeline with params and with or without a model,
    when it is called,
    then it asks its own model, else its caller's with that one's params under its own.
    """
    sub = f"{SUB}{model}params: {{seed: 1}}\n"
    text = f"{CALLER}model: echo/of-caller\nparams: {{temperature: 0.5, seed: 9}}\n"

    one = Nested(text, {"pipelines/sub.yaml": sub})

    (step,) = one.plan.cells[0].steps
    assert {dict(inner.target.params) == params for inner in step.inner if inner.target} == {True}
    assert {f"echo/{inner.target.profile.model}" for inner in step.inner if inner.target} == {asked}


async def test_it_may_be_called_for_each_item_and_call_others() -> None:
    """
    Given a pipeline that is called for each item, and calls another for each of its own,
    when the first runs,
    then each step is there under its whole path.
    """
    leaf = """
    version: 1
    inputs: {a: string}
    steps:
      - {id: say, messages: [{role: user, content: "{{ a }}"}]}
    """
    middle = """
    version: 1
    inputs: {letters: array}
    steps:
      - id: each
        foreach: letters
        steps:
          - {id: leaf, pipeline: pipelines/leaf.yaml, with: {a: "{{ item }}"}}
    """
    top = """
    version: 1
    steps:
      - id: all
        foreach: "[['a', 'b'], ['c']]"
        steps:
          - {id: middle, pipeline: pipelines/middle.yaml, with: {letters: "{{ item }}"}}
    """
    files = {"pipelines/leaf.yaml": leaf, "pipelines/middle.yaml": middle}

    trial = await Nested(dedent(top), files).run_one()

    assert trial.outputs == [["a", "b"], ["c"]]
    assert step_of(trial, "all[0].middle.each[1].leaf.say").made == "b"


async def test_what_it_asked_by_itself_is_recalled_when_it_is_called() -> None:
    """
    Given a pipeline that has run by itself on the same text,
    when it is called from another one,
    then nothing is sent.
    """
    log = MemoryCallLog()
    alone = SUB.replace("of its own", "hey").replace("repeat: 3\n", "").replace("limits: {requests: 1}\n", "")
    await Nested(
        alone.replace(', {type: contains, path: first, value: "{{ label }}", name: labelled}', ""), log=log
    ).run()

    called = Nested(CALLER, {"pipelines/sub.yaml": SUB}, log=log.new_run())
    trial = await called.run_one()

    assert (trial.status, called.provider.journal) == ("passed", [])


@pytest.fixture
def project(cli: Cli) -> Cli:
    """A project whose pipeline `top` calls `part`, which can only be called, for each item."""
    part = """
    version: 1
    inputs: {a: string}
    steps:
      - id: say
        messages: [{role: user, content: "{{ a }}"}]
        checks: [{type: contains, value: a, metric: has_a}]
    """
    top = """
    version: 1
    model: echo/echo
    inputs: {words: array}
    dataset: [{words: [a, b]}, {words: [a]}]
    steps:
      - id: all
        foreach: words
        steps:
          - {id: part, pipeline: pipelines/part.yaml, with: {a: "{{ item }}"}}
    gates: [{metric: has_a, min: 0.9}]
    """
    cli.write(top=dedent(top), part=dedent(part))
    return cli


def test_columns_that_a_called_pipelines_checks_name_are_those_of_its_caller(project: Cli) -> None:
    """
    Given a pipeline that is only called, whose check names a column,
    when the rows of its caller have it, and when they do not,
    then both files are valid, or the caller's rows are told to lack it.
    """
    part = project.folder / "pipelines" / "part.yaml"
    part.write_text(part.read_text().replace("value: a,", "value: '{{ label }}',"))
    without = project("validate")
    top = project.folder / "pipelines" / "top.yaml"
    top.write_text(top.read_text().replace("words: [a, b]", "label: a, words: [a, b]"))
    some = project("validate")
    top.write_text(top.read_text().replace("{words: [a]}", "{label: a, words: [a]}"))

    every = project("validate")

    assert (without.code, some.code, every.code) == (2, 2, 0)
    assert "'label' is not defined, where pipelines/top.yaml calls this pipeline" in without.out
    assert "pipelines/top.yaml:5:1: error: the row lacks 'label', which a check names" in some.out


def test_a_pipeline_that_can_only_be_called_is_valid(project: Cli) -> None:
    """
    Given a pipeline without rows and without a model, which another calls,
    when the project, or that file alone, is validated,
    then it is said who calls it; without the caller, what it lacks is told.
    """
    every, alone = project("validate"), project("validate", "pipelines/part.yaml")
    (project.folder / "pipelines" / "top.yaml").unlink()
    without = project("validate", "pipelines/part.yaml")

    said = "pipelines/part.yaml: ok (called by pipelines/top.yaml)\n"
    assert (every.code, every.out) == (0, f"{said}pipelines/top.yaml: ok (2 rows)\n")
    assert (alone.code, alone.out) == (0, said)
    assert without.code == 2
    assert "nothing gives the input 'a' a value" in without.out


def test_the_log_and_all_reports_have_the_steps_inside(project: Cli) -> None:
    """
    Given a run with steps inside steps,
    when it is reported in each format, and one of its trials shown,
    then the steps are there by their paths, checks add up over items, and costs are counted once.
    """
    ran = project("run", "top", "--json", "--out", "out.jsonl")
    lines = [json.loads(line) for line in (project.folder / "out.jsonl").read_text().splitlines()]
    lines.sort(key=lambda line: int(line["row"]))

    stored = project("report", "last", "--format", "jsonl").objects
    table = project("report", "last", "--format", "markdown").out
    sheet = project("report", "last", "--format", "csv").out.splitlines()
    shown = project("runs", "show", "last", "--row", "0").out

    assert (ran.code, ran.json["metrics"]["has_a"]) == (1, pytest.approx(2 / 3))
    assert list(lines[0]["steps"]) == [
        "all",
        "all[0].part",
        "all[0].part.say",
        "all[1].part",
        "all[1].part.say",
    ]
    assert stored == lines
    assert "| <code>all&#91;&#93;.part.say/contains</code> | 66.7 % |" in table
    assert "step.all[1].part.say" in sheet[0]
    assert "step all[1].part.say: failed" in shown


def test_the_result_names_the_inner_check_and_why_it_failed(project: Cli) -> None:
    """
    Given a run of which one item fails a check,
    when it ends,
    then the table has one line for the check of all items, and the reason names the item.
    """
    said = project("run", "top").out

    assert "all[].part.say/contains" in said
    assert "all[1].part.say/contains: " in said


def test_the_file_of_a_called_pipeline_is_kept_with_the_run(project: Cli) -> None:
    """
    Given a run of a pipeline that calls another,
    when its files are looked at in the log,
    then both are there as pipelines.
    """
    project("run", "top")

    with open_log(open_project(project.folder), create=False) as log, log.reading() as session:
        found = session.connection().exec_driver_sql("select path, kind from run_files order by path").all()

    assert [tuple(one) for one in found if one[1] == "pipeline"] == [
        ("pipelines/part.yaml", "pipeline"),
        ("pipelines/top.yaml", "pipeline"),
    ]


def test_python_of_a_called_pipeline_needs_leave_too(project: Cli) -> None:
    """
    Given a called pipeline that runs python,
    when its caller is run without leave for it,
    then the run is refused.
    """
    part = Path("pipelines/part.yaml")
    part.write_text("version: 1\nsteps: [{id: say, python: 'tools/a.py:a'}]\n")
    Path("tools").mkdir()
    Path("tools/a.py").write_text("def a(): return 1\n")
    Path("pipelines/top.yaml").write_text("version: 1\nsteps: [{id: sub, pipeline: pipelines/part.yaml}]\n")

    said = project("run", "top", "--no-python")

    assert said.code == 2
    assert "tools/a.py" in said.err


def test_render_shows_what_inner_steps_would_send(project: Cli) -> None:
    """
    Given steps inside steps of which nothing is recorded yet,
    when they are rendered, all or one by its path,
    then their messages are shown under their paths, and an unknown one is refused.
    """
    every = project("render", "top", "--json").json["steps"]
    one = project("render", "top", "--step", "all[1].part.say")
    many = project("render", "top", "--step", "all", "--json").json["steps"]
    unknown = project("render", "top", "--step", "all[7].part.say")

    assert [step["step"] for step in every] == ["all[0].part.say", "all[1].part.say"]
    assert (one.code, "b" in one.out) == (0, True)
    assert many == every
    assert unknown.code == 2
    assert "did you mean" in unknown.err


def test_render_says_which_inner_answer_is_missing(cli: Cli) -> None:
    """
    Given a foreach whose second inner step needs the answer of the first,
    when it is rendered before any run, and after one,
    then the missing answer is named by its path, and afterwards both are shown.
    """
    steps = """
    version: 1
    model: echo/echo
    steps:
      - id: all
        foreach: "[1, 2]"
        steps:
          - {id: a, messages: [{role: user, content: "a{{ item }}"}]}
          - {id: b, messages: [{role: user, content: "{{ a.output }}b"}]}
      - {id: after, messages: [{role: user, content: "{{ all.output | join(' ') }}"}]}
    """
    cli.write(top=dedent(steps))
    before = cli("render", "top", "--json").json["steps"]
    cli("run", "top")
    after = cli("render", "top", "--json").json["steps"]

    assert {step["step"]: step["missing"] for step in before if step["status"] == "missing"} == {
        "all[0].b": ["all[0].a"],
        "all[1].b": ["all[1].a"],
        "after": ["all[0].a", "all[1].a"],
    }
    assert {step["status"] for step in after} == {"rendered"}
    assert after[-1]["messages"][0]["content"] == "a1b a2b"
