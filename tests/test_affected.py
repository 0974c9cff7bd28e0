"""`promptlab affected`, and `run` and `plan` with `--since`: what they say, run and refuse."""

import json
from pathlib import Path

import pytest

from tests.affected_kit import FILES, Repository
from tests.cli_kit import Cli

ROOT = Path(__file__).parent.parent
TRIAGE = "pipelines/triage.yaml"
TICKETS = "data/tickets.jsonl"
ALONE = {
    path: text
    for path, text in FILES.items()
    if path.startswith(("promptlab.yaml", ".gitignore", "prompts/", TRIAGE, TICKETS))
}
CHAIN = """\
version: 1
inputs: {ticket: string}
dataset: data/tickets.jsonl
steps:
  - id: first
    messages: [{role: system, content: Be kind}, {role: user, content: "{{ ticket }}"}]
  - id: then
    messages: [{role: user, content: "And {{ first.output }}"}]
"""
OTHER = "version: 1\nsteps: [{id: one, messages: [{role: user, content: Hi}]}]\n"


@pytest.fixture
def repository(cli: Cli) -> Repository:
    """A repository with one pipeline, in which the command line stands."""
    return Repository(cli.folder).start(ALONE)


def test_it_says_which_rows_change_and_why(cli: Cli, repository: Repository) -> None:
    """
    Given an edited prompt and an edited row,
    when it is asked what is affected,
    then there is a line for each step and cell, with its rows and the reasons.
    """
    repository.replace("prompts/strict.j2", "strictly", "exactly")
    repository.replace(TICKETS, '"pay"', '"Pay"')

    said = cli("affected", "--since", "HEAD")

    assert (said.code, said.err) == (0, "")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[:6] == [
        "triage (pipelines/triage.yaml): 4 of 6 trials",
        "cell step rows changes why",
        "plain classify 1 of 3 calls row",
        "plain reply 1 of 3 calls row, step classify",
        "strict classify 1 of 3 calls row",
        "strict reply 3 of 3 calls template prompts/strict.j2, row (1), step classify (1)",
    ]
    assert lines[-1].startswith("affected since HEAD (")
    assert lines[-1].endswith(
        "1 of 1 pipeline, 4 of 6 trials: 4 with other calls, 0 with other verdicts alone"
    )


def test_json_has_all_of_it(cli: Cli, repository: Repository) -> None:
    """
    Given an edited model parameter, and a label,
    when what is affected is asked for as JSON,
    then there is one document with the reasons, and rows by index and id.
    """
    repository.replace(TRIAGE, "params: {temperature: 0}", "params: {temperature: 0.5}")
    repository.replace(TICKETS, '"label": "technical"', '"label": "account"')
    base = repository.git("rev-parse", "HEAD")

    found = cli("affected", "triage", "--since", "HEAD", "--json").json

    assert found["since"] == {"ref": "HEAD", "commit": base, "has_parted": False}
    assert (found["schema_version"], found["affected"]) == (1, True)
    (pipeline,) = found["pipelines"]
    assert pipeline["trials"] == {"planned": 6, "calls": 6, "verdicts": 0}
    assert pipeline["changes"][0] == {
        "variant": "plain",
        "axes": {},
        "step": "classify",
        "effect": "calls",
        "rows": [0, 1, 2],
        "row_ids": ["a", "b", "c"],
        "of": 3,
        "why": [{"kind": "params", "name": "temperature", "before": "0", "after": "0.5", "rows": 3}],
    }


def test_nothing_affected_is_said_and_no_error(cli: Cli, repository: Repository) -> None:
    """
    Given an edit that no result hangs on,
    when it is asked what is affected,
    then it says that nothing is, and exits 0.
    """
    repository.replace(TRIAGE, "# sorts", "# really sorts")

    said, found = cli("affected", "--since", "HEAD"), cli("affected", "--since", "HEAD", "--json").json

    assert (said.code, said.out.startswith("nothing is affected in 1 pipeline since HEAD (")) == (0, True)
    assert (found["affected"], found["pipelines"][0]["status"]) == (False, "unchanged")


def test_an_invalid_pipeline_is_refused(cli: Cli, repository: Repository) -> None:
    """
    Given an edit that makes a pipeline invalid,
    when it is asked what is affected,
    then its problems are shown, with exit code 2.
    """
    repository.replace("prompts/reply.j2", "ticket", "tickt")

    said = cli("affected", "--since", "HEAD")

    assert (said.code, said.out) == (2, "")
    assert "prompts/reply.j2:1:11: error" in said.err


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        (TRIAGE, "version: 1", "version: 2", "version"),
        ("promptlab.yaml", "version: 1", "versio: 1", "promptlab.yaml: unknown key 'versio'"),
        ("prompts/reply.j2", "ticket", "tickt", "prompts/reply.j2: "),
    ],
)
def test_what_was_invalid_before_is_wholly_affected(
    repository: Repository, path: str, old: str, new: str, reason: str
) -> None:
    """
    Given a commit in which a pipeline could not be loaded,
    when it is asked what is affected since,
    then all of the pipeline is, and the reason says what was wrong.
    """
    repository.replace(path, old, new)
    repository.commit()
    repository.replace(path, new, old)

    found = repository.find().affected.pipelines[0]

    assert (found.affected, found.trials) == (6, 6)
    assert "cannot be loaded" in found.why[0].text
    assert reason in found.why[0].text


def test_data_that_git_ignores_makes_all_of_it_affected(repository: Repository) -> None:
    """
    Given a pipeline over a data file that git ignores,
    when it is asked what is affected,
    then all of the pipeline is, as the commit does not have the file; that is no error.
    """
    repository.replace(TRIAGE, TICKETS, "data/tickets.local.jsonl")
    repository.move(TICKETS, "data/tickets.local.jsonl")
    repository.commit()

    found = repository.find().affected.pipelines[0]

    assert (found.affected, found.trials) == (6, 6)
    assert "there is no file 'data/tickets.local.jsonl'" in found.why[0].text


def test_a_project_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    """
    Given a project in a folder of a repository, and an edit beside it,
    when it is asked what is affected,
    then only edits of the project count.
    """
    repository = Repository(tmp_path / "repository", "apps/desk").start(ALONE)
    (repository.root / "prompts").mkdir()
    (repository.root / "prompts/reply.j2").write_text("another")

    assert repository.told() == {}
    repository.replace("prompts/reply.j2", "Answer", "Reply")
    assert repository.told() == {"triage plain reply calls": "all"}


def test_recorded_answers_tell_what_comes_out_alike(cli: Cli, repository: Repository) -> None:
    """
    Given an edit of a first step, and a run after it in which it was answered as before,
    when it is asked what is affected,
    then the step is, and those behind it are not, as they get what they got.
    """
    repository.write(TRIAGE, CHAIN)
    repository.commit()
    cli("run", "triage")
    repository.replace(TRIAGE, "Be kind", "Be curt")
    before = repository.told()
    cli("run", "triage")

    assert before == {"triage base first calls": "all", "triage base then calls": "all"}
    assert repository.told() == {"triage base first calls": "all"}


def test_run_since_runs_what_is_affected(cli: Cli, repository: Repository) -> None:
    """
    Given an edited row,
    when the pipelines are run since the commit before it,
    then its trials are run, and no others.
    """
    repository.replace(TICKETS, '"pay"', '"Pay"')

    said = cli("run", "triage", "--since", "HEAD", "--json")
    plan = cli("plan", "triage", "--since", "HEAD", "--json").json

    assert sum(said.json["trials"].values()) == 2
    assert plan["pipelines"][0]["trials"] == 2


def test_run_since_leaves_out_pipelines_that_did_not_change(cli: Cli, repository: Repository) -> None:
    """
    Given two pipelines, one of them edited,
    when both are run since the commit before,
    then the edited one alone is run, and its exit code counts.
    """
    repository.write("pipelines/other.yaml", OTHER)
    repository.commit()
    repository.replace("pipelines/other.yaml", "Hi", "Hello")

    said = cli("run", "triage", "other", "--since", "HEAD", "--json")

    assert ([one["pipeline"] for one in said.objects], said.code) == (["other"], 0)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_run_since_with_nothing_affected_ends_with_5(cli: Cli, repository: Repository, command: str) -> None:
    """
    Given no edit,
    when the pipelines are run or planned since the last commit,
    then nothing is run, and the exit code is that of no row left.
    """
    said = cli(command, "triage", "--since", "HEAD")

    assert (said.code, said.out) == (5, "")
    assert "nothing of it changed since 'HEAD'" in said.err
    assert repository.git("status", "--porcelain") == ""


def test_more_repeats_run_the_new_ones_alone(cli: Cli, repository: Repository) -> None:
    """
    Given a pipeline that is repeated more often than before,
    when it is run since then,
    then the new repeats alone are run.
    """
    repository.append(TRIAGE, "repeat: 3\n")

    said = cli("run", "triage", "--since", "HEAD", "--json", "--variant", "plain")

    assert sum(said.json["trials"].values()) == 6


@pytest.mark.parametrize("arguments", [("affected",), ("run", "triage"), ("plan", "triage")])
def test_a_commit_that_is_none_is_a_2(cli: Cli, repository: Repository, arguments: tuple[str, ...]) -> None:
    """
    Given a repository,
    when a commit is named that it does not have,
    then the error says what to say, with exit code 2, and nothing was run.
    """
    said = cli(*arguments, "--since", "nowhere")

    assert (said.code, said.out) == (2, "")
    assert "git knows no commit 'nowhere'" in said.err
    assert not (repository.root / ".promptlab/lab.db").exists()


def test_project_code_is_never_run(repository: Repository) -> None:
    """
    Given a step whose python writes a file,
    when it is asked what is affected, after an edit of that code,
    then the file is not there.
    """
    repository.write("tools/bad.py", "open('ran.txt', 'w')\n\n\ndef run() -> str:\n    return 'a'\n")
    repository.write("pipelines/bad.yaml", "version: 1\nsteps: [{id: one, python: 'tools/bad.py:run'}]\n")
    repository.commit()
    repository.replace("tools/bad.py", "'a'", "'b'")

    assert repository.told() == {"bad base one calls": "all"}
    assert not (repository.root / "ran.txt").exists()


@pytest.mark.thorough
def test_thousands_of_rows(repository: Repository) -> None:
    """
    Given 2,000 rows,
    when one of them is edited, and when the prompt is,
    then that row is affected, and all are.
    """
    rows = [{"id": str(number), "ticket": f"t{number}", "label": "billing"} for number in range(2000)]
    repository.write(TICKETS, "".join(f"{json.dumps(row)}\n" for row in rows))
    repository.commit()
    repository.replace(TICKETS, '"t1234"', '"T1234"')
    one = repository.told()
    repository.replace("prompts/classify.j2", "{{ ticket }}", "T {{ ticket }}")

    assert one["triage plain classify calls"] == one["triage strict reply calls"] == "1234"
    assert set(repository.told().values()) == {"all"}


def test_it_works_in_this_repository(cli: Cli) -> None:
    """
    Given this repository, unless it is shallow or no repository at all,
    when it is asked what its last commit touched,
    then it says so.
    """
    said = cli("--project", str(ROOT), "affected", "--since", "HEAD~1", "--json")
    if said.code == 2 and "git" in said.err:
        pytest.skip("there is no commit before this one")

    assert said.code == 0
    assert {one["pipeline"] for one in said.json["pipelines"]} >= {"helpdesk", "support-triage"}
