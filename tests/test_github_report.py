"""Annotations of a pull request: at the line of what failed, and nothing that a model said is a command."""

import re
from dataclasses import dataclass, replace

from promptlab.schemas.report import GateResult, Origin
from promptlab.schemas.run import StepResult, TrialResult, Verdict
from tests.cli_kit import Cli
from tests.report_kit import HOSTILE, SUMMARY, TRIALS, ended, summary_of, trial_of, written

COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>[^:]*)::(?P<message>.*)")
TRIAGE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{word: hello}, {word: other}, {word: world}]
variants:
  base: {}
  loud:
    steps:
      say:
        checks: [{equals: HELLO}]
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks:
      - contains: "o"
      - {type: contains, value: hello, name: greets}
      - contains: hello
  - id: each
    foreach: "[word]"
    steps:
      - id: part
        messages: [{role: user, content: "{{ item }}"}]
        checks: [{starts-with: h}]
  - id: called
    pipeline: pipelines/inner.yaml
    with: {text: "{{ word }}"}
checks:
  - {type: ends-with, value: o, severity: warn}
gates:
  - {metric: error_rate, max: 0}
  - {metric: pass_rate, min: 0.9}
"""
INNER = """\
version: 1
model: echo/echo
inputs: {text: string}
steps:
  - id: deep
    messages: [{role: user, content: "{{ text }}"}]
    checks:
      - contains: hello
checks:
  - starts-with: h
"""


@dataclass(frozen=True)
class Annotation:
    level: str
    properties: dict[str, str]
    message: str

    @property
    def place(self) -> str:
        return ":".join(self.properties.get(name, "") for name in ("file", "line", "col"))


def unescaped(text: str) -> str:
    for code, character in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def annotations(text: str) -> list[Annotation]:
    """Read workflow commands as the runner does; a line that is none fails."""
    found = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (pair.partition("=") for pair in match["properties"].split(","))
        properties = {name: unescaped(value) for name, _, value in pairs}
        found.append(Annotation(match["level"], properties, unescaped(match["message"])))
    return found


def test_failures_stand_at_the_lines_that_ask_for_them(cli: Cli) -> None:
    """
    Given a run whose checks fail at steps, in a variant, in a loop, in a called pipeline and as a warning,
    when it is reported for GitHub, after the file was edited and in a folder of the repository,
    then each annotation stands where the check was written, gates first, each once, with its trials.
    """
    (cli.folder.parent / ".git").mkdir()
    cli.write(triage=TRIAGE, inner=INNER)
    cli("run", "triage", "--variant", "base", "--variant", "loud")
    cli.write(triage="# another line\n" + TRIAGE)

    found = annotations(cli("report", "last", "--format", "github").out)

    file = f"{cli.folder.name}/pipelines/triage.yaml"
    assert [(one.level, one.place, one.properties["title"]) for one in found] == [
        ("error", f"{file}:31:5", "promptlab: gate pass_rate at least 0.9 failed"),
        ("error", f"{file}:31:5", "promptlab: gate pass_rate at least 0.9 failed"),
        ("error", f"{cli.folder.name}/pipelines/inner.yaml:8:9", "promptlab: called.deep/contains failed"),
        ("error", f"{cli.folder.name}/pipelines/inner.yaml:10:5", "promptlab: called/starts-with failed"),
        ("error", f"{file}:10:18", "promptlab: say/equals failed"),
        ("error", f"{file}:16:9", "promptlab: say/greets failed"),
        ("error", f"{file}:17:9", "promptlab: say/contains-2 failed"),
        ("error", f"{file}:23:18", "promptlab: each[].part/starts-with failed"),
        ("warning", f"{file}:28:5", "promptlab: ends-with failed"),
    ]
    assert found[5].message.startswith("in 2 trials\n")
    assert found[5].message.count("does not contain 'hello'") == 2


def test_nothing_that_a_model_said_is_a_command() -> None:
    """
    Given trials whose texts are commands, line ends, commas and colons,
    when they are reported for GitHub,
    then every line is one of ours, and the texts are in the messages.
    """
    found = annotations(written("github", TRIALS[14:15]))

    assert len(found) == 2
    assert "got \n::error file=x,line=1::owned %0A,: %" in found[1].message
    assert set(found[1].properties) == {"title"}


def test_as_many_as_github_shows() -> None:
    """
    Given a run in which more checks fail than GitHub shows errors of a step,
    when it is reported for GitHub, twice,
    then there are ten and a notice of how many more, in the same order.
    """
    found = annotations(written("github"))

    assert [one.level for one in found] == ["error"] * 10 + ["notice"]
    assert found[-1].message == f"and {len(HOSTILE) + 1 - 10} more errors, which GitHub would not show"
    assert found == annotations(written("github", list(reversed(TRIALS)), summary=replace(SUMMARY)))


def test_trials_of_a_check_are_one_annotation() -> None:
    """
    Given a check that fails in a hundred trials, and a step that erred in one,
    when they are reported for GitHub,
    then the check is annotated once, with three of its trials and how many more, and the error beside it.
    """
    verdict = Verdict(step="say", name="equals", type="equals", status="failed", score=0.0, reason="no")
    step = StepResult(id="say", status="passed", output="x", verdicts=(verdict,))
    trials: list[TrialResult] = [replace(trial_of(row, f"t{row}"), steps=(step,)) for row in range(100)]
    trials.append(ended(100, "errored"))

    found = annotations(written("github", trials, summary=summary_of(trials)))

    by_title = {one.properties["title"]: one.message.split("\n") for one in found}
    assert by_title["promptlab: say errored"][1] == "text 100 (base t=0.7): it broke"
    assert by_title["promptlab: say/equals failed"] == [
        "in 100 trials",
        *(f"t{row} (base t=0.7): no" for row in range(3)),
        "and 97 more trials",
    ]


def test_what_cannot_be_placed_is_told_of_the_file() -> None:
    """
    Given a stored run whose files are gone, with a gate that only warns and trials that are left,
    when it is reported for GitHub,
    then errors and warnings name the file alone.
    """
    gate = GateResult(
        metric="score", cell="base", value=0.1, status="failed", severity="warn", min=1, reason="low"
    )
    trials = [ended(0, "failed"), ended(1, "left")]
    summary = replace(summary_of(trials, gates=(gate,)), stopped="Ctrl-C")

    found = annotations(written("github", trials, summary=summary, origin=Origin("pipelines/a.yaml")))

    assert [(one.level, one.place) for one in found] == [
        ("error", "pipelines/a.yaml::"),
        ("error", "pipelines/a.yaml::"),
        ("warning", "pipelines/a.yaml::"),
    ]
    assert found[0].message == "1 trial left for a later run: Ctrl-C"


def test_a_run_that_passed_says_nothing() -> None:
    """
    Given a run of which all passed,
    when it is reported for GitHub,
    then there is no annotation.
    """
    trials = [ended(0, "passed")]

    assert written("github", trials, summary=summary_of(trials)) == ""
