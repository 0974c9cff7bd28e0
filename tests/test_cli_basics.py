"""What holds for every command: help, options, exit codes of usage, and quick starts."""

import subprocess
import sys

import pytest

from promptlab.cli import app, db, models, runs
from promptlab.cli.completion import SHELLS
from tests.cli_kit import ECHO, Cli

GROUPS = {"runs": runs.COMMANDS, "models": models.COMMANDS, "db": db.COMMANDS}
COMMANDS = [(name,) for name in app.COMMANDS] + [
    (group, name) for group, table in GROUPS.items() for name in table
]
HEAVY = ("sqlalchemy", "pydantic", "rich", "yaml", "jinja2", "openai", "anthropic", "aiohttp", "alembic")


@pytest.mark.parametrize("arguments", [(), *((group,) for group in GROUPS)])
def test_without_a_command_there_is_help(cli: Cli, arguments: tuple[str, ...]) -> None:
    """
    Given no command, or a group without one,
    when promptlab runs,
    then it prints the help and exits 0.
    """
    said = cli(*arguments)

    assert (said.code, said.err) == (0, "")
    assert "Commands:" in said.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_shows_an_example(cli: Cli, command: tuple[str, ...]) -> None:
    """
    Given any command,
    when it is asked for help,
    then the help has an example that begins with it.
    """
    said = cli(*command, "--help")

    assert said.code == 0
    assert f"Example: promptlab {command[0]}" in said.out or 'eval "$(promptlab' in said.out


def test_help_imports_nothing_slow() -> None:
    """
    Given a fresh interpreter,
    when promptlab prints its help,
    then none of the slow packages was imported.
    """
    code = f"""
import sys
from promptlab.cli.boundary import run
run(["--help"])
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_the_version_is_printed(cli: Cli) -> None:
    """
    Given the installed command,
    when it is asked for its version,
    then it says name and number.
    """
    assert cli("--version").out.startswith("promptlab ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("runz",), "no such command 'runz'; did you mean 'run'?"),
        (("runs", "lst"), "did you mean 'list'?"),
        (("run",), "Missing argument"),
        (("run", "echo", "--limt", "3"), "--limit"),
        (("run", "echo", "--limit"), "requires an argument"),
        (("run", "echo", "--limit", "1", "--limit", "2"), "--limit is given 2 times"),
        (("run", "echo", "--json", "--json"), "--json is given 2 times"),
        (("run", "echo", "-i", "k"), "'k' is not NAME=VALUE"),
        (("run", "echo", "-i", "=v"), "'=v' is not NAME=VALUE"),
        (("run", "echo", "-i", "word=1", "-i", "word=2"), "the same input twice"),
        (
            ("run", "echo", "--model", "opneai/gpt-4o"),
            "--model:1:1: error: unknown provider 'opneai'; did you",
        ),
        (("run", "echo", "--model", "gpt-4o"), "--model:1:1: error: 'gpt-4o' is no model"),
        (("run", "echo", "--model", ""), "--model:1:1: error: '' is no model"),
        (("run", "a" * 100_000), "file name too long"),
        (("run", *["missing"] * 5_000), "there is no pipeline 'missing'"),
        (("run", "a\n\x1b[31m.yaml"), "a\\u000a\\u001b[31m.yaml"),
        (("run", "pipelines"), "there is no pipeline 'pipelines'"),
        (("run", "pipelines/loop.yaml"), "link that leads to itself"),
        (("report", "last"), "say which --format"),
        (("report", "last", "--format", "cvs"), "did you mean 'csv'?"),
        (("runs", "prune", "--older-than", "soon", "--yes"), "'soon' is no length of time"),
        (("runs", "prune", "--yes"), "--keep N, --older-than AGE or --answers"),
        (("models", "pull", "smollm2"), "did you mean 'smollm2-135m'?"),
        (("--project", "/nowhere/at/all", "config"), "there is no folder"),
    ],
)
def test_wrong_usage_says_what_to_do(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    """
    Given arguments that cannot be meant,
    when promptlab runs,
    then it exits 2 with one short message, prints nothing else and makes no log.
    """
    cli.write(echo=ECHO)
    (cli.folder / "pipelines" / "loop.yaml").symlink_to("loop.yaml")

    said = cli(*arguments)

    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert len(said.err) < 2_000
    assert "\x1b" not in said.err
    assert not (cli.folder / ".promptlab" / "lab.db").exists()


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "1e9", "nan", "", "1001"])
def test_a_concurrency_that_is_none_is_refused(cli: Cli, value: str) -> None:
    """
    Given a number of calls that there cannot be,
    when a run is asked for with it,
    then the command exits 2 and names the option.
    """
    said = cli("run", "echo", f"--max-concurrency={value}")

    assert said.code == 2
    assert "--max-concurrency" in said.err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "free"])
def test_a_cost_that_is_none_is_refused(cli: Cli, value: str) -> None:
    """
    Given a cost that is no limit,
    when a run is asked for with it,
    then the command exits 2 and names the option.
    """
    said = cli("run", "echo", f"--max-cost={value}")

    assert said.code == 2
    assert "--max-cost" in said.err


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_completion_script(cli: Cli, shell: str) -> None:
    """
    Given a shell,
    when its completion script is asked for,
    then it is one that asks promptlab.
    """
    assert "_PROMPTLAB_COMPLETE" in cli("completion", shell).out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pr", "mo"), ["models"]),
        (("pr", "runs", "p"), ["prune"]),
        (("pr", "run", "--max"), ["--max-concurrency", "--max-cost"]),
        (("pr", "run", "ec"), ["echo"]),
        (("pr", "run", "pipelines/"), ["pipelines/echo.yaml", "pipelines/green.yaml"]),
        (("pr", "runs", "show", "la"), ["last"]),
        (("pr", "report", "last", "--format", "j"), ["junit", "json", "jsonl"]),
        (("pr", "runs", "show", "last", "--by", "w"), ["word"]),
        (("pr", "run", "echo", "--by", "w"), ["word"]),
    ],
)
def test_the_shell_completes(
    ran: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected: list[str]
) -> None:
    """
    Given a project with pipelines and a run,
    when the shell asks how a word may go on,
    then it gets commands, options, pipelines, runs and formats.
    """
    run_id = ran("runs", "list", "--json").json["runs"][0]["run_id"]

    assert complete(ran, monkeypatch, *words) == expected
    assert run_id in complete(ran, monkeypatch, "pr", "runs", "show", run_id[:4])


def complete(cli: Cli, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setenv("_PROMPTLAB_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    said = cli()
    monkeypatch.delenv("_PROMPTLAB_COMPLETE")
    return [line.partition(",")[2] for line in said.out.split("\n") if line]


def test_a_pipeline_is_found_by_the_name_that_it_gives_itself(cli: Cli) -> None:
    """
    Given pipelines whose files are called otherwise than they are themselves, one that is no YAML,
    and two of the same name,
    when they are named,
    then the first is found, by its file's name too, and of the last both files are told.
    """
    cli.write(first=f"name: given\n{ECHO}", second=f"name: twice\n{ECHO}", third=f"name: twice\n{ECHO}")
    (cli.folder / "pipelines" / "broken.yaml").write_text("a: [")

    found = [
        cli("validate", "pipelines/first.yaml").code,
        cli("plan", "given").code,
        cli("plan", "first").code,
    ]
    refused = cli("plan", "twice")

    assert found == [0, 0, 0]
    assert refused.code == 2
    assert "'twice' is the name of 2 pipelines: pipelines/second.yaml, pipelines/third.yaml" in refused.err
