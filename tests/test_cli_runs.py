"""The commands on stored runs: list, show, export, delete, prune."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli_kit import ECHO, GREEN, Cli

PICTURE = str(Path(__file__).parent.parent / "scripts" / "picture.py")


@pytest.fixture
def ids(ran: Cli) -> list[str]:
    """The ids of its three runs, newest first."""
    return listed(ran)


def listed(cli: Cli, *options: str) -> list[str]:
    return [run["run_id"] for run in cli("runs", "list", "--json", *options).json["runs"]]


def test_there_is_nothing_to_list_before_the_first_run(cli: Cli) -> None:
    """
    Given a project that never ran,
    when its runs are listed, for people and as JSON,
    then it says so, exits 0, and makes no log.
    """
    cli.write(echo=ECHO)

    said, as_json = cli("runs", "list"), cli("runs", "list", "--json")

    assert (said.code, said.out) == (0, "")
    assert "there is no run yet" in said.err
    assert as_json.json == {"schema_version": 1, "runs": []}
    assert not (cli.folder / ".promptlab" / "lab.db").exists()


def test_a_pipeline_that_never_ran_is_told_from_a_log_without_runs(cli: Cli, ids: list[str]) -> None:
    """
    Given a log with runs of other pipelines,
    when the runs of a pipeline that has none are listed,
    then it says that there is none of this one, and what was meant.
    """
    del ids

    said = cli("runs", "list", "--pipeline", "gren")

    assert (said.code, said.out) == (0, "")
    assert "there is no run of 'gren'" in said.err
    assert "did you mean 'green'?" in said.err


def test_runs_are_listed_newest_first(cli: Cli, ids: list[str]) -> None:
    """
    Given three runs,
    when they are listed, all or some,
    then the newest comes first, and a line says what each did.
    """
    lines = cli("runs", "list").out.split("\n")

    assert listed(cli) == ids
    assert listed(cli, "--pipeline", "echo") == ids[2:]
    assert listed(cli, "--limit", "2") == ids[:2]
    assert lines[0].split() == ["run", "pipeline", "when", "status", "trials", "pass", "rate", "cost"]
    assert "echo" in lines[3]
    assert lines[3].endswith("failed     2/2     50.0 %    $0")
    assert ids[2].startswith(lines[3].split()[0])


def test_a_run_is_shown_as_its_end_showed_it(cli: Cli) -> None:
    """
    Given a run,
    when it is shown from the log,
    then its table, failures and counts are those that the run showed.
    """
    cli.write(echo=ECHO)
    ended = cli("run", "echo", "--note", "a [try]").out.split("\n")

    shown = cli("runs", "show", "last").out.split("\n")

    assert shown[0].startswith("pipelines/echo.yaml · ")
    assert shown[1] == "note: a [try]"
    assert shown[2:] == ended


def test_a_run_is_shown_as_json(cli: Cli, ids: list[str]) -> None:
    """
    Given a run,
    when it is shown as JSON by a start of its id,
    then it has what the run said, and the rates of its checks.
    """
    shown = cli("runs", "show", ids[2], "--json").json

    assert shown["run_id"] == ids[2]
    assert shown["trials"] == {"passed": 1, "failed": 1, "errored": 0, "skipped": 0}
    assert shown["checks"] == {"base": {"say/contains": 0.5}}
    assert shown["metrics"]["pass_rate"] == 0.5


def test_a_trial_is_shown_with_all_that_happened(cli: Cli, ids: list[str]) -> None:
    """
    Given a run,
    when one of its rows is shown, for people and as JSON,
    then input, messages by role, output, checks with reasons and cost are there.
    """
    out = cli("runs", "show", ids[2], "--row", "1", "--variant", "base").out
    trial = cli("runs", "show", ids[2], "--row", "1", "--json").json["trials"][0]

    assert out.split("\n")[1:] == [
        "  word: other",
        "step say: failed",
        "  user: other!",
        "  assistant: other!",
        "  output: other!",
        "  ✗ contains: does not contain 'hello'",
        "  echo/echo, 1 attempt, 2 tokens in, 2 out, $0",
        "",
    ]
    assert trial["steps"]["say"]["messages"][0] == {"role": "user", "content": "other!"}
    assert trial["checks"][0]["reason"] == "does not contain 'hello'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "zzz"), "there is no run 'zzz'"),
        (("show", ""), "there is no run ''"),
        (("show", "../lab"), "there is no run '../lab'"),
        (("show", "0"), "more than one run begins with '0'"),
        (("show", "last", "--row", "9"), "has no trial of row 9"),
        (("show", "last", "--row", "0", "--variant", "x"), "row 0 in 'x'"),
        (("show", "last", "--variant", "x"), "say --row too"),
        (("export", "zzz"), "there is no run 'zzz'"),
        (("delete", "zzz", "--yes"), "there is no run 'zzz'"),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_run_that_is_not_there_is_a_wrong_usage(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    """
    Given three runs,
    when one is asked for that is none of them,
    then the command exits 2 and says why.
    """
    said = cli("runs", *arguments)

    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_run_is_exported_whole(cli: Cli, ids: list[str]) -> None:
    """
    Given a run,
    when it is exported, to stdout and to a file,
    then both are the same JSON document with its sources and trials.
    """
    said = cli("runs", "export", ids[0])
    cli("runs", "export", ids[0], "--out", "run.json")

    assert said.json == json.loads((cli.folder / "run.json").read_text())
    assert said.json["run"]["id"] == ids[0]
    assert len(said.json["trials"]) == 2
    assert "pipelines/green.yaml" in said.json["files"]


@pytest.mark.parametrize("command", [("delete", "last"), ("prune", "--keep", "0")])
def test_nothing_is_deleted_where_nobody_can_be_asked(
    cli: Cli, ids: list[str], command: tuple[str, ...]
) -> None:
    """
    Given no terminal and no --yes,
    when runs are to be deleted,
    then the command exits 2 at once and nothing goes.
    """
    said = cli("runs", *command)

    assert said.code == 2
    assert "say --yes" in said.err
    assert listed(cli) == ids


def test_deleting_says_what_goes_and_keeps_the_answers(cli: Cli, ids: list[str]) -> None:
    """
    Given three runs,
    when two are deleted with --yes,
    then the command says how much that is, the third stays, and their answers are recalled.
    """
    said = cli("runs", "delete", ids[0], ids[2], ids[0], "--yes")
    again = cli("run", "echo", "--json").json

    assert said.code == 0
    assert "this takes away 2 runs, 4 trials, 4 verdicts" in said.err
    assert listed(cli)[1:] == [ids[1]]
    assert again["calls"] == {"sent": 0, "attempts": 0, "recalled": 2}


def test_pruning_takes_the_old_and_with_answers_what_nothing_needs(cli: Cli, ids: list[str]) -> None:
    """
    Given three runs,
    when all but the newest are pruned with their answers, older ones asked for first,
    then the young stay, then the newest alone, and what it needs is still recalled.
    """
    young = cli("runs", "prune", "--older-than", "1d", "--yes")
    pruned = cli("runs", "prune", "--keep", "1", "--answers", "--yes")

    assert "there is nothing to delete" in young.err
    assert "2 runs, 4 trials" in pruned.err
    assert listed(cli) == ids[:1]
    assert cli("run", "green", "--json").json["calls"]["recalled"] == 2


def test_the_picture_is_of_the_demos_last_whole_run(cli: Cli) -> None:
    """
    Given a whole run of a pipeline, then one of its first row alone, then one of another pipeline,
    when the script behind `make picture` draws it,
    then the picture is that of the whole run; of a pipeline that never ran there is none, and it says so.
    """
    cli.write(demo=GREEN, other=GREEN)
    whole = cli("run", "demo", "--json").json["run_id"]
    cli("run", "demo", "--limit", "1")
    cli("run", "other")

    drawn, undrawn = (
        cli.shell('exec "$0" "$@"', sys.executable, PICTURE, pipeline, f"{pipeline}.svg")
        for pipeline in ("demo", "never")
    )

    assert (drawn.code, undrawn.code) == (0, 1)
    assert whole in Path("demo.svg").read_text()
    assert "no whole, green run of never" in undrawn.err
    assert not Path("never.svg").exists()


def test_a_run_is_drawn(cli: Cli, ids: list[str]) -> None:
    """
    Given a run,
    when it is drawn twice as SVG,
    then both pictures are the same, with its table, and name no address to load from.
    """
    for name in ("one.svg", "two.svg"):
        cli("runs", "show", ids[2], "--svg", name)

    drawn = Path("one.svg").read_text()
    assert drawn == Path("two.svg").read_text()
    assert "say/contains" in drawn
    assert "url(http" not in drawn
    assert ids[2] in drawn  # the end of the widest line
