"""`promptlab run`: what it prints, where, and how it exits."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from promptlab.cli.result import Failures, show_result
from promptlab.schemas.report import RunSummary
from tests.cli_kit import ECHO, GREEN, Cli

HOSTILE = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset:
  - {word: "[red]x[/red]\\u001b[31m\\u202e<b>"}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks: [{equals: nothing}]
"""
UNCHECKED = ECHO.replace("    checks: [{contains: hello}]\n", "")
EMPTY = ECHO + "tags: []\n"
PRINTS = """\
version: 1
inputs: {word: string}
dataset: [{word: a}]
steps:
  - {id: shout, python: "tools/shout.py:shout", with: {word: "{{ word }}"}}
"""
SHOUT = 'def shout(word):\n    print("loud \\x1b[31m", word)\n    return word.upper()\n'


def test_a_run_shows_its_result(cli: Cli) -> None:
    """
    Given a pipeline one of whose two rows fails its check,
    when it is run,
    then the table, the trial that failed and the counts are on stdout, nothing on stderr, and it exits 1.
    """
    cli.write(echo=ECHO)

    said = cli("run", "echo")

    assert (said.code, said.err) == (1, "")
    assert "pass rate     50.0 % (9.5–90.5)" in said.out
    assert "'other!': contains: does not contain 'hello'" in said.out
    assert "1 passed, 1 failed · 2 calls, 0 recalled, spent $0" in said.out
    assert "\x1b" not in said.out


def test_an_error_is_shown_although_the_gates_hold(cli: Cli) -> None:
    """
    Given gates that hold although a row failed and another errored,
    when the pipeline is run, and its run is shown later,
    then the errored row is named with its reason, and the failed one is left to the table.
    """
    rows = "dataset: [{word: hello}, {word: other}, {word: '{'}]"
    gated = ECHO.replace("  - {word: hello}\n  - {word: other}\n", "").replace("dataset:\n", f"{rows}\n")
    transform = "{type: contains, value: hello, transform: \"output if word != '{' else output.nope\"}"
    gated = gated.replace("{contains: hello}", transform) + "gates: [{metric: pass_rate, min: 0.1}]\n"
    cli.write(gated=gated)

    said, shown = cli("run", "gated"), cli("runs", "show", "last")

    assert said.code == 0
    for text in (said.out, shown.out):
        assert "Errored:\n  row 2 " in text
        assert "row 1 " not in text


def test_a_limit_that_is_too_low_for_one_call_is_not_said_to_be_passed_by_trying_again(cli: Cli) -> None:
    """
    Given a limit of tokens below the worst case of the first call,
    when the pipeline is run,
    then it exits 4 and asks for a higher limit, not for the same command again.
    """
    cli.write(low=ECHO + "limits: {total_tokens: 1}\n")

    said = cli("run", "low")

    assert said.code == 4
    assert "2 trials left; the limit leaves no room for a call: raise it" in said.out
    assert "goes on" not in said.out


def test_json_is_all_there_is_on_stdout(cli: Cli) -> None:
    """
    Given two pipelines, one of them green,
    when both are run with --json,
    then stdout has one object a pipeline in their order, and the worse exit code counts.
    """
    cli.write(echo=ECHO, green=GREEN)

    said = cli("run", "green", "pipelines/echo.yaml", "--json")

    assert [(run["pipeline"], run["status"]) for run in said.objects] == [
        ("green", "passed"),
        ("echo", "failed"),
    ]
    assert said.code == 1


@pytest.mark.parametrize(("pipelines", "code"), [(("green",), 0), (("green", "echo"), 7)])
def test_another_exit_code_can_stand_for_failed(cli: Cli, pipelines: tuple[str, ...], code: int) -> None:
    """
    Given a pipeline that fails and one that passes,
    when they are run with --fail-exit-code,
    then that code replaces the 1 and nothing else.
    """
    cli.write(echo=ECHO, green=GREEN)

    assert cli("run", *pipelines, "--fail-exit-code", "7").code == code


def test_a_pipeline_without_rows_left_keeps_none_from_running(cli: Cli) -> None:
    """
    Given two pipelines, the first of which has no row with the tag that is asked for,
    when both are run,
    then the second is run all the same and the exit code is 5.
    """
    tagged = GREEN.replace("{word: hello}", "{word: hello, $tags: [few]}")
    cli.write(echo=ECHO, green=tagged)

    said = cli("run", "echo", "green", "--tag", "few", "--json")

    assert [run["pipeline"] for run in said.objects] == ["green"]
    assert "no row is left to run" in said.err
    assert said.code == 5


def test_a_fault_in_one_pipeline_keeps_all_from_running(cli: Cli) -> None:
    """
    Given a good pipeline and one with an unknown key,
    when both are run,
    then the problem is shown with its place and nothing was run.
    """
    cli.write(green=GREEN, wrong=GREEN + "stepz: 1\n")

    said = cli("run", "green", "wrong")

    assert (said.code, said.out) == (2, "")
    assert "pipelines/wrong.yaml:" in said.err
    assert cli("runs", "list").out == ""


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_run_without_checks_says_so(cli: Cli, options: tuple[str, ...]) -> None:
    """
    Given a pipeline without checks,
    when it is run,
    then it is green, and says that nothing was checked.
    """
    cli.write(echo=UNCHECKED)

    said = cli("run", "echo", *options)

    assert said.code == 0
    assert "nothing was checked" in (said.err if options else said.out)


def test_what_models_say_is_shown_as_text(cli: Cli) -> None:
    """
    Given an answer with markup, terminal escapes and characters that turn text around,
    when the run's result and trial are shown,
    then they are there as visible text.
    """
    cli.write(hostile=HOSTILE)

    shown = [cli("run", "hostile").out, cli("runs", "show", "last", "--row", "0").out]

    for out in shown:
        assert "[red]x[/red]\\u001b[31m\\u202e<b>" in out
        assert "\x1b" not in out


def test_out_writes_each_report(cli: Cli) -> None:
    """
    Given two pipelines,
    when they are run with files that hold {pipeline}, one of them in a folder that is not there,
    then each has its own, readable, with a line a trial.
    """
    cli.write(echo=ECHO, green=GREEN)
    names = ("{pipeline}.jsonl", "{pipeline}.csv", "{pipeline}.json", "out/{pipeline}.md")
    outs = [f"--out={name}" for name in names]

    cli("run", "echo", "green", *outs)

    for name in ("echo", "green"):
        lines = (cli.folder / f"{name}.jsonl").read_text().split("\n")[:-1]
        assert [json.loads(line)["steps"]["say"]["output"] for line in lines] == ["hello!", "other!"]
        assert len(list(csv.reader(io.StringIO((cli.folder / f"{name}.csv").read_text())))) == 3
        assert len(json.loads((cli.folder / f"{name}.json").read_text())["results"]) == 2
        assert (cli.folder / f"out/{name}.md").read_text().startswith(f"## <code>{name}</code>")


@pytest.mark.parametrize(
    ("outs", "message"),
    [
        (["x.foo"], "no report has the suffix '.foo'"),
        (["x.csv"], "there are 2 pipelines and one file"),
        (["{pipeline}.csv", "{pipeline}.csv"], "would be written twice"),
        (["promptlab.yaml/{pipeline}.csv"], "cannot be written: file exists"),
    ],
)
def test_a_file_that_cannot_be_written_is_found_first(cli: Cli, outs: list[str], message: str) -> None:
    """
    Given two pipelines and files that cannot be,
    when they are asked for,
    then the command exits 2 before anything was called.
    """
    cli.write(echo=ECHO, green=GREEN)

    said = cli("run", "echo", "green", *(f"--out={out}" for out in outs))

    assert said.code == 2
    assert message in said.err
    assert cli("runs", "list").out == ""


@pytest.mark.parametrize("options", [(), ("-i", "word=hello")])
def test_a_report_is_not_written_over_what_a_pipeline_reads(cli: Cli, options: tuple[str, ...]) -> None:
    """
    Given a pipeline over a data file,
    when it is run with --out naming that file, also where -i stands in for it,
    then it exits 2, and the rows are still there.
    """
    cli.write(data=ECHO.replace("dataset:\n  - {word: hello}\n  - {word: other}\n", "dataset: rows.jsonl\n"))
    rows = cli.folder / "rows.jsonl"
    rows.write_text('{"word": "hello"}\n')

    said = cli("run", "data", "--out", "pipelines/../rows.jsonl", *options)

    assert said.code == 2
    assert "a pipeline reads this file" in said.err
    assert rows.read_text() == '{"word": "hello"}\n'


@pytest.mark.parametrize("command", [("report", "last", "--format", "json"), ("runs", "export", "last")])
def test_a_stored_run_is_not_written_over_what_it_read(cli: Cli, command: tuple[str, ...]) -> None:
    """
    Given a run that read a pipeline,
    when it is reported or exported with --out naming that file, and then another,
    then it exits 2, and the pipeline is still there; the other is written.
    """
    cli.write(green=GREEN)
    cli("run", "green")
    pipeline = cli.folder / "pipelines" / "green.yaml"
    source = pipeline.read_text()

    said = cli(*command, "--out", "pipelines/../pipelines/green.yaml")
    other = cli(*command, "--out", "out.json")

    assert (said.code, other.code) == (2, 0)
    assert "a pipeline reads this file" in said.err
    assert pipeline.read_text() == source


def test_axes_are_sorted_by_name_in_all_json(cli: Cli) -> None:
    """
    Given a matrix whose axes are not written in the order of their names,
    when it is run, planned, rendered and reported as JSON,
    then each has them sorted.
    """
    cli.write(axes=ECHO + "matrix: {params.top_p: [0.5], params.seed: [1]}\n")

    cli("run", "axes", "--out", "out.jsonl")
    said = [
        (cli.folder / "out.jsonl").read_text(),
        *(cli(*command).out for command in (("plan", "axes", "--json"), ("render", "axes", "--json"))),
        *(cli("report", "last", "--format", kind).out for kind in ("json", "jsonl")),
        cli("runs", "export", "last").out,
    ]

    found = [re.findall(r'"axes": ?({[^}]*})', text) for text in said]
    assert all(found)
    assert {tuple(json.loads(axes)) for each in found for axes in each} == {("seed", "top_p")}


def test_what_project_code_prints_goes_to_stderr(cli: Cli) -> None:
    """
    Given a python step that prints an escape sequence,
    when it is run with --json,
    then stderr has the line behind the function's name, escaped, and stdout the object alone.
    """
    cli.write(prints=PRINTS)
    (cli.folder / "tools").mkdir()
    (cli.folder / "tools" / "shout.py").write_text(SHOUT)

    said = cli("run", "prints", "--json")

    assert "prints: tools/shout.py:shout: loud \\x1b[31m a\n" in said.err
    assert said.json["status"] == "passed"


@pytest.mark.parametrize("cells", [1, 2, 6, 12])
def test_the_result_fits_a_narrow_terminal(cells: int) -> None:
    """
    Given cells and checks with long names,
    when their table is drawn 80 columns wide,
    then no line is wider, no number is cut, and every name is there in pieces.
    """
    names = [f"a-variant-with-quite-a-long-name temperature=0.{number}" for number in range(cells)]
    values = {"pass_rate": 0.5, "cost_usd": 0.00012, "latency_ms": 1234.0, "brevity": 0.25}
    summary = RunSummary(
        run_id="01m83",
        pipeline="a pipeline with a name",
        status="passed",
        trials={"passed": 1},
        cells=dict.fromkeys(names, values),
        checks={name: {"classify/a-check-with-quite-a-long-name": 1.0} for name in names},
        planned=1,
    )
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, record=True, markup=False)

    show_result(console, summary, Failures(checked=True))

    lines = console.export_text().split("\n")
    assert max(map(len, lines[:-2])) <= 80
    for number in ("50.0 %", "100.0 %", "$0.00012", "1.2 s", "0.250"):
        assert sum(line.count(number) for line in lines) == cells, number


def test_no_color_means_none(cli: Cli) -> None:
    """
    Given NO_COLOR,
    when a result is drawn for a terminal,
    then no colour is among its escapes.
    """
    cli.write(echo=ECHO)

    said = cli.shell(
        'script -qec "\\"$0\\" run echo" /dev/null', env={"NO_COLOR": "1", "TERM": "xterm-256color"}
    )

    assert "50.0 %" in said.out
    assert not [colour for colour in range(30, 48) if f"[{colour}m" in said.out]


def test_a_relative_project_is_found(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a project in another folder,
    when it is named by --project,
    then its pipeline is run there.
    """
    cli.write(green=GREEN)
    monkeypatch.chdir(tmp_path)

    assert cli("--project", "project", "run", "green").code == 0
    assert (cli.folder / ".promptlab" / "lab.db").exists()
