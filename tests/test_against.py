"""Gates against a commit: its trials come from what is recorded, by that commit's files and checks."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.ci_kit import ROWS, Review
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY, PIPELINE

GATE = {"metric": "pass_rate", "against": "main"}
MAKE = """\
from pathlib import Path


def make(word):
    return word + Path("tools/suffix.txt").read_text()
"""
PYTHON = {"id": "made", "python": "tools/make.py:make", "with": {"word": "{{ word }}"}}


def worse(rows: int) -> str:
    return f"{{% if word < 'word-{rows:04}.' %}}Say nothing{{% else %}}Say {{{{ word }}}}{{% endif %}}"


@pytest.fixture
def review(cli: Cli, fake_provider: FakeProvider) -> Review:
    return Review.made(cli, fake_provider)


def gates(review: Review, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Give what the gates of a test say."""
    said = review.ci("--json", *arguments)
    assert said.code == code, (said.out, said.err)
    (summary,) = said.objects
    found: list[dict[str, Any]] = summary["gates"]
    return found


def test_answers_that_the_commit_lacks_leave_rows_without_a_pair(review: Review) -> None:
    """
    Given a commit of whose eight answers two are recorded nowhere, and another prompt,
    when that is held against the commit,
    then six rows are paired, the gate says what lacks, and nothing ends with 2.
    """
    for path in review.recordings[:2]:
        path.unlink()
    review.repository.commit()
    review.branch("edit", "Please say {{ word }}")
    review.record()

    (gate,) = gates(review, "--against", "main")

    assert gate["paired"]["paired"] == ROWS - 2
    assert "2 rows at " in gate["reason"]
    assert "without all their answers" in gate["reason"]


def test_what_is_recorded_here_answers_there_too(review: Review) -> None:
    """
    Given a commit without recordings, and the same prompts recorded later,
    when these are held against the commit,
    then all rows are paired: a request is known by its fingerprint.
    """
    for path in review.recordings:
        path.unlink()
    review.repository.commit()
    review.branch("recorded")
    review.record()

    (gate,) = gates(review, "--against", "main")

    assert gate["paired"]["paired"] == ROWS


@pytest.mark.parametrize("arguments", [(), ("--strict",)])
def test_where_the_added_gate_cannot_tell_trials_decide(review: Review, arguments: tuple[str, ...]) -> None:
    """
    Given one row that got worse, which chance may do,
    when the branch is held against main,
    then the gate is inconclusive, and the failed trial makes it red.
    """
    review.branch("worse", worse(1))
    review.record()

    (gate,) = gates(review, "--against", "main", *arguments, code=1)

    assert gate["status"] == "inconclusive"


def test_what_failed_before_is_no_drop(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given a row that is answered wrongly on main and on the branch,
    when the branch is held against main,
    then it is green: nothing got worse.
    """
    review = Review.made(cli, fake_provider, worse(1))
    review.branch("same", worse(1) + "{# the same #}")
    review.repository.commit()

    (gate,) = gates(review, "--against", "main")

    assert gate["status"] == "passed"
    assert "as before, on 8 rows; a drop of " in gate["reason"]


def test_a_gate_of_ones_own_that_cannot_tell_is_green_unless_strict(review: Review) -> None:
    """
    Given a gate against main, and one row that got worse,
    when it is tested, and strictly,
    then it warns and is green, and strictly is red.
    """
    review.branch("worse", worse(1))
    review.lab.write_pipeline(gates=[GATE])
    review.record()

    said, strictly = review.ci(), review.ci("--strict")

    assert (said.code, strictly.code) == (0, 1)
    assert "? gate: pass_rate no drop against main in base: pass_rate fell by 0.125" in said.out


def test_against_stands_in_for_the_commits_that_gates_name(review: Review) -> None:
    """
    Given gates against a branch that is not here and against a number, and a drop,
    when it is tested as it is, and against main,
    then the first is refused with what to do, and the second judges the gates against main alone.
    """
    review.branch("worse", worse(6))
    review.lab.write_pipeline(gates=[{**GATE, "against": "origin/main"}, {"metric": "pass_rate", "min": 0.1}])
    review.record()

    refused = review.ci()
    found = gates(review, "--against", "main", code=1)

    assert refused.code == 2
    assert "git knows no commit 'origin/main'" in refused.err
    assert [(one.get("against"), one["status"]) for one in found] == [("main", "failed"), (None, "passed")]


def test_a_pipeline_that_is_new_or_broken_there_has_no_base(review: Review) -> None:
    """
    Given a pipeline that was not there, and one that could not be loaded,
    when they are held against the commit,
    then the gates say why they cannot tell, and trials decide.
    """
    review.lab.write("pipelines/broken.yaml", {**PIPELINE, "name": "broken", "model": "nobody/none"})
    review.repository.commit()
    review.branch("more")
    review.lab.write("pipelines/broken.yaml", {**PIPELINE, "name": "broken"})
    review.lab.write("pipelines/new.yaml", {**PIPELINE, "name": "new"})
    review.record("pipelines/broken.yaml", "pipelines/new.yaml")

    said = review.ci("--against", "main", "--json")

    reasons = {one["pipeline"]: one["gates"][0]["reason"] for one in said.objects}
    assert said.code == 0, said.err
    assert "cannot be loaded: pipelines/broken.yaml: " in reasons["broken"]
    assert reasons["new"].startswith("there is no such pipeline at main (")


def test_trials_of_a_commit_are_judged_by_its_own_checks(review: Review) -> None:
    """
    Given a check that was made stricter,
    when the pipeline is held against the commit before,
    then the gate says that rows were judged by other checks there.
    """
    review.branch("stricter")
    step = {"id": "say", "prompt": "prompts/say.j2", "checks": [{"equals": "nothing at all"}]}
    review.lab.write_pipeline(steps=[step])
    review.repository.commit()

    (gate,) = gates(review, "--against", "main", code=1)

    assert gate["status"] == "failed"
    assert "judged by other checks at " in gate["reason"]
    assert "(say)" in gate["reason"]


def test_only_the_rows_that_are_wanted_are_compared(review: Review) -> None:
    """
    Given a row that is new and another prompt,
    when three rows are held against main,
    then three are paired, of four.
    """
    review.branch("edit", "Please say {{ word }}")
    rows = (review.lab.root / "data/rows.jsonl").read_text()
    review.lab.write("data/rows.jsonl", f'{{"id": "new", "word": "new."}}\n{rows}')
    review.record()

    (gate,) = gates(review, "--against", "main", "--limit", "4")

    assert (gate["paired"]["paired"], gate["paired"]["rows"]) == (3, 4)


def test_live_what_the_commit_never_asked_is_bought_once_and_is_no_run(review: Review) -> None:
    """
    Given a commit without recordings and an empty log,
    when another prompt is tested live against it, twice,
    then both sides are bought once, the second time nothing is, and the log has the two tests alone.
    """
    for path in review.recordings:
        path.unlink()
    review.repository.commit()
    review.branch("edit", "Please say {{ word }}")
    review.ci("--live")
    review.lab.write(".env", f"FAKE_KEY={KEY}\n")
    before = len(review.provider.requests())

    first = review.cli("test", "--live", "--against", "main", "--json").json
    second = review.cli("test", "--live", "--against", "main", "--json").json

    assert len(review.provider.requests()) - before == 2 * ROWS
    assert first["gates"][0]["paired"]["paired"] == ROWS
    assert (first["calls"]["sent"], second["calls"]["sent"]) == (ROWS, 0)
    assert review.lab.query("select count(*) from runs where status = 'passed'") == [(2,)]


def test_a_run_never_buys_what_a_commit_would_ask(review: Review) -> None:
    """
    Given a gate against main and another prompt,
    when it is run,
    then the rows alone are bought, and the gate says who judges it.
    """
    review.branch("edit", "Please say {{ word }}")
    review.lab.write_pipeline(gates=[GATE])
    before = len(review.provider.requests())

    said = review.cli("run", "words", "--json")

    assert len(review.provider.requests()) - before == ROWS
    assert said.code == 0
    assert "`promptlab test` and `promptlab compare` judge" in said.json["gates"][0]["reason"]


@pytest.fixture
def python(review: Review) -> Review:
    """A pipeline whose step is a function that reads a file; both are other ones on main."""
    review.lab.write_pipeline(steps=[{**PYTHON, "checks": [{"equals": "{{ word }}"}]}])
    review.lab.write("tools/suffix.txt", "")
    review.lab.write("tools/make.py", MAKE)
    review.record()
    review.branch("worse")
    review.lab.write("tools/suffix.txt", "!")
    review.record("--fresh")
    return review


def test_python_of_a_commit_runs_in_a_folder_of_its_files(
    python: Review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a function that reads a file of the project which makes it worse on a branch,
    when that is held against main,
    then the function of main read the file of main; its folder is gone.
    """
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders))

    (gate,) = gates(python, "--against", "main", code=1)

    assert (gate["paired"]["base"], gate["paired"]["head"]) == (1.0, 0.0)
    assert list(folders.iterdir()) == []


def test_without_python_its_recorded_outputs_serve_on_both_sides(python: Review) -> None:
    """
    Given the same, recorded,
    when it is tested with --no-python,
    then what was recorded is judged, on each side its own.
    """
    said = python.ci("--against", "main", "--no-python", "--json")

    paired = said.json["gates"][0]["paired"]
    assert (paired["base"], paired["head"], paired["paired"]) == (1.0, 0.0, ROWS)
