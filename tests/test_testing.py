"""`promptlab test`: what it says, what it ends with, and that it is never green by accident."""

import json
from pathlib import Path

import pytest

from tests.ci_kit import Review
from tests.cli_kit import ECHO, GREEN, Cli
from tests.fakes import FakeProvider
from tests.lab import KEY

UNREADABLE = (
    GREEN.replace("    checks:", "    output: json\n    checks:") + "gates: [{metric: pass_rate, min: 0}]\n"
)
UNCHECKED = GREEN.replace('    checks: [{contains: "!"}]\n', "")
PART = """\
version: 1
model: echo/echo
inputs: {text: string}
steps: [{id: polish, messages: [{role: user, content: "{{ text }}"}], checks: [{contains: e}]}]
"""
CALL = "  - {id: part, pipeline: pipelines/part.yaml, with: {text: Hello}}"
WHOLE = GREEN.replace("steps:\n", f"steps:\n{CALL}\n")


@pytest.fixture
def review(cli: Cli, fake_provider: FakeProvider) -> Review:
    return Review.made(cli, fake_provider)


def recorded(cli: Cli, **pipelines: str) -> Cli:
    """Give a project whose pipelines were recorded."""
    cli.write(**pipelines)
    cli("run", *(f"pipelines/{name}.yaml" for name in pipelines if name != "part"), "--mode", "record")
    return cli


def test_without_a_name_all_pipelines_are_tested(cli: Cli) -> None:
    """
    Given a pipeline that passes, one that does not, and one that another calls,
    when all are tested,
    then the part is none of them, the failed trial is shown with what came of it, and the exit code is 1.
    """
    recorded(cli, red=ECHO, whole=WHOLE, part=PART)

    said = cli("test")

    assert said.code == 1
    first, row, *shown = said.out.splitlines()[:5]
    assert first == "✗ red: 1 passed, 1 failed"
    assert row.startswith("  row 1 (")
    assert shown == ["    say/contains: does not contain 'hello'", "      - hello", "      + other!"]
    assert "✓ whole: 2 passed" in said.out
    assert "1 of 2 pipelines did not pass · 4 trials: 3 passed, 1 failed · 0 calls" in said.out


@pytest.mark.parametrize(
    ("pipeline", "arguments", "code", "told"),
    [
        (UNCHECKED, (), 5, "nothing was checked"),
        (UNREADABLE, (), 5, "nothing was checked"),
        (GREEN, ("--where", "word == 'nobody'"), 5, "no row is left to run"),
        (GREEN, ("--where", "word == 'nobody'", "words"), 5, "no row is left to run"),
        (GREEN.replace("word: hello", "word: unheard"), (), 2, "1 answer not recorded"),
        (GREEN, ("--fresh",), 2, "a replay asks nobody"),
        (GREEN, ("--against", "main"), 2, "git cannot be asked"),
        (GREEN, ("nobody",), 2, "there is no pipeline 'nobody'"),
        (GREEN, ("--limit", "1"), 0, "1 trial: 1 passed"),
        (ECHO, ("--fail-exit-code", "7"), 7, "did not pass"),
    ],
)
def test_it_is_green_only_where_something_was_checked(
    cli: Cli, pipeline: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """
    Given a pipeline without checks, without rows or without recordings, or a command that cannot be meant,
    when it is tested,
    then the exit code says so, and the words why.
    """
    recorded(cli, words=GREEN)
    cli.write(words=pipeline)

    said = cli("test", *arguments)

    assert said.code == code, (said.out, said.err)
    assert told in said.out + said.err


def test_a_project_without_pipelines_is_not_green(cli: Cli) -> None:
    """
    Given a project without a pipeline,
    when it is tested,
    then that is a matter of usage.
    """
    cli.write()

    assert cli("test").code == 2


def test_without_a_key_a_live_test_is_not_green(review: Review) -> None:
    """
    Given an edit that is not recorded, and no key,
    when it is tested live,
    then nothing is called and the exit code is 2; with the key it is bought and green.
    """
    review.branch("edit", "Please say {{ word }}")
    without = review.ci("--live")

    review.lab.write(".env", f"FAKE_KEY={KEY}\n")
    with_key = review.cli("test", "--live")

    assert without.code == 2
    assert with_key.code == 0, with_key.out
    assert "8 calls" in with_key.out


def test_out_and_json_say_what_run_says(cli: Cli, tmp_path: Path) -> None:
    """
    Given two pipelines,
    when they are tested with reports and --json,
    then there is an object a pipeline on stdout, the words stand on stderr, and the reports are written.
    """
    recorded(cli, red=ECHO, green=GREEN)

    said = cli("test", "--json", "--out", str(tmp_path / "{pipeline}.jsonl"))

    assert [one["pipeline"] for one in said.objects] == ["green", "red"]
    assert "✗ red: 1 passed, 1 failed" in said.err
    lines = (tmp_path / "red.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines].count("failed") == 1


def test_in_github_actions_failures_are_annotated(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a failed check,
    when it is tested in GitHub Actions,
    then an annotation stands beside the words.
    """
    recorded(cli, red=ECHO)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    said = cli("test")

    assert "::error file=pipelines/red.yaml,line=" in said.out


def test_a_test_is_run_again_as_it_was(cli: Cli) -> None:
    """
    Given a test whose recordings lacked,
    when the run is looked at in the log,
    then the log says that it was a replay.
    """
    recorded(cli, words=GREEN)

    cli("test", "words")

    assert cli("runs", "show", "last", "--json").json["options"]["mode"] == "replay"


def test_a_value_of_several_lines_is_shown_as_a_difference(cli: Cli) -> None:
    """
    Given a check for a text of several lines of which one differs,
    when it is tested,
    then that line is shown both ways, and the others once.
    """
    lines = GREEN.replace('content: "{{ word }}!"', 'content: "one\\ntwo {{ word }}\\nthree"')
    recorded(cli, words=lines.replace('{contains: "!"}', '{equals: "one\\ntwo hello\\nthree"}'))

    said = cli("test")

    shown = [line.strip() for line in said.out.splitlines() if line.startswith("      ")]
    assert shown == ["one", "- two hello", "+ two other", "three"]
