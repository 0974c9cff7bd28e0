"""`promptlab render`: the messages that would be sent, from recorded answers where they are needed."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptlab.cli.boundary import run

PIPELINE = """version: 1
name: triage
model: openai/gpt-4o-mini
params: {temperature: 0}
inputs: {ticket: string, tier: {type: string, default: free}}
dataset: [{ticket: hello, label: a}, {ticket: "bye {{ tier }}\\e[2J", label: b}]
variants:
  base: {}
  loud: {steps: {reply: {messages: [{role: user, content: "REPLY {{ classify.output }}"}]}}}
steps:
  - id: classify
    prompt: prompts/classify.j2
    output: {enum: [hello, bye]}
    checks: [equals: "{{ label }}"]
  - id: reply
    messages: [{role: user, content: "Reply to {{ classify.output }}"}]
  - id: never
    when: tier == 'pro'
    messages: [{role: user, content: "{{ reply.output }}"}]
  - id: clean
    python: tools/clean.py:clean
    with: {text: "{{ ticket }}"}
"""
PROMPT = "{% system %}\n  You sort.\n{% endsystem %}\n{% user %}{{ ticket }}{% enduser %}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    contents = {
        "promptlab.yaml": "version: 1\n",
        "pipelines/triage.yaml": PIPELINE,
        "prompts/classify.j2": PROMPT,
        "tools/clean.py": "raise SystemExit('run')\ndef clean(text): ...\n",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


type Command = Callable[..., Done]


@pytest.fixture
def promptlab(project: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run commands in the project."""
    del project

    def command(*arguments: str) -> Done:
        code = run(arguments)
        return Done(code, *capsys.readouterr())

    return command


def recorded(project: Path) -> tuple[int, int]:
    """Count the runs and answers in the log."""
    with closing(sqlite3.connect(project / ".promptlab" / "lab.db")) as log:
        runs, answers = (
            log.execute(f"select count(*) from {table}").fetchone()[0] for table in ("runs", "completions")
        )
    return runs, answers


def test_a_steps_messages_are_printed_with_their_roles(promptlab: Command, project: Path) -> None:
    """
    Given a prompt with two roles, and no key,
    when its step is rendered,
    then its messages are printed, and no run log is made.
    """
    done = promptlab("render", "triage", "--step", "classify")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "# classify (openai/gpt-4o-mini temperature=0.0)\n\n[system]\nYou sort.\n\n[user]\nhello\n"
    )
    assert not (project / ".promptlab" / "lab.db").exists()


def test_data_is_neither_rendered_nor_shown_as_it_is(promptlab: Command) -> None:
    """
    Given a row with braces and an escape sequence,
    when it is rendered as text and as JSON,
    then the braces are kept, and the terminal sees no escape; JSON has the exact text.
    """
    shown = promptlab("render", "triage", "--row", "1", "--step", "classify")
    exact = promptlab("render", "triage", "--row", "1", "--step", "classify", "--json")

    assert "bye {{ tier }}\\u001b[2J" in shown.out
    assert json.loads(exact.out)["steps"][0]["messages"][1] == {
        "role": "user",
        "content": "bye {{ tier }}\x1b[2J",
    }


def test_a_missing_answer_is_named(promptlab: Command) -> None:
    """
    Given nothing recorded,
    when a pipeline is rendered whose second step needs the first one's answer,
    then what is known is printed, and which answer is missing told.
    """
    done = promptlab("render", "triage", "--json")

    assert done.code == 2
    steps = {step["step"]: step for step in json.loads(done.out)["steps"]}
    assert {name: step["status"] for name, step in steps.items()} == {
        "classify": "rendered",
        "reply": "missing",
        "never": "missing",
        "clean": "silent",
    }
    assert (steps["reply"]["missing"], steps["never"]["missing"]) == (["classify"], ["classify"])
    assert "step 'reply' needs the answer of 'classify', which is not recorded" in done.err


def test_later_steps_are_rendered_from_recorded_answers(promptlab: Command, project: Path) -> None:
    """
    Given a run of the pipeline,
    when it is rendered, whole and in a variant,
    then later steps name the recorded answers, and nothing is recorded by it.
    """
    text = PIPELINE.replace("openai/gpt-4o-mini", "echo/echo").partition("  - id: clean")[0]
    (project / "pipelines" / "triage.yaml").write_text(text, encoding="utf-8")
    promptlab("run", "triage", "--limit", "1")
    before = recorded(project)

    base = promptlab("render", "triage")
    loud = promptlab("render", "triage", "--variant", "loud", "--step", "reply", "--json")

    assert "[user]\nReply to hello\n" in base.out
    assert (base.code, base.err) == (0, "step 'never' is skipped\n")
    assert json.loads(loud.out)["steps"][0]["messages"] == [{"role": "user", "content": "REPLY hello"}]
    assert recorded(project) == before == (1, 3)


def test_inputs_and_set_change_what_is_rendered(promptlab: Command) -> None:
    """
    Given -i for an input and --set for a parameter,
    when the pipeline is rendered,
    then the message and the parameter are those.
    """
    done = promptlab(
        "render", "triage", "--step", "classify", "-i", "ticket=hi there", "--set", "params.seed=7", "--json"
    )

    step = json.loads(done.out)["steps"][0]
    assert step["messages"][1]["content"] == "hi there"
    assert step["params"] == {"temperature": 0, "seed": 7}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--row", "2"), "there is no row 2"),
        (("--step", "clasify"), "there is no step 'clasify'"),
        (("--variant", "lout"), "there is no variant 'lout'"),
        (("-i", "tikcet=x"), "there is no such input"),
        (("-i", "ticket=a", "-i", "ticket=b"), "-i gives the same input twice"),
        (("--set", "params.temprature=1"), "unknown key 'temprature'"),
        (("--model", "nope/x"), "unknown provider 'nope'"),
        (("--row", "-1"), "-1"),
    ],
)
def test_what_is_not_there_is_a_wrong_use(
    promptlab: Command, arguments: tuple[str, ...], message: str
) -> None:
    """
    Given a row, step, variant, input or key that is not there,
    when it is asked for,
    then it is told with exit code 2, and nothing is printed.
    """
    done = promptlab("render", "triage", *arguments)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_template_that_fails_is_told(promptlab: Command, project: Path) -> None:
    """
    Given a template that fails on this row alone,
    when it is rendered,
    then its problem is told at its line.
    """
    (project / "prompts" / "classify.j2").write_text("\n{{ ticket[9] }}", encoding="utf-8")

    done = promptlab("render", "triage", "--step", "classify")

    assert done.code == 2
    assert "step 'classify': prompts/classify.j2:2: " in done.err
