"""`compare REF`: pipelines as they are beside what they were in a commit, from what is recorded."""

import pytest

from tests.ci_kit import ROWS, Review
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.test_against import worse


@pytest.fixture
def review(cli: Cli, fake_provider: FakeProvider) -> Review:
    """A branch on which six rows got worse, recorded."""
    made = Review.made(cli, fake_provider)
    made.branch("worse", worse(6))
    made.record()
    made.ci()
    return made


def test_a_commit_is_compared_with_the_working_tree(review: Review) -> None:
    """
    Given a branch that made six of eight rows worse, without a key,
    when it is compared with main,
    then rows are paired, the six flips are told with their words, and nothing is called or logged.
    """
    before, runs = len(review.provider.requests()), review.lab.query("select count(*) from runs")

    said = review.cli("compare", "main", "--json")

    assert said.code == 0, said.err
    (found,) = said.json["comparisons"]
    assert (found["a"]["pipeline"], found["b"]["git_commit"]) == ("words", None)
    assert found["cells"][0]["rows"]["paired"] == ROWS
    assert found["flipped"] == [{"before": "passed", "after": "failed", "trials": 6}]
    assert found["flips"][0]["diff"]
    assert len(review.provider.requests()) == before
    assert review.lab.query("select count(*) from runs") == runs


def test_it_reads_well(review: Review) -> None:
    """
    Given the same,
    when it is shown, and as Markdown,
    then it says what was compared with what, and how many rows both have.
    """
    shown = review.cli("compare", "main", "--pipeline", "words", "--no-python")
    markdown = review.cli("compare", "main", "--markdown")

    assert "pipelines/words.yaml · main (commit " in shown.out
    assert "pipelines/words.yaml · the working tree" in shown.out
    assert "8 rows at both sides" in shown.out
    assert "main \\(commit " in markdown.out


def test_what_is_neither_a_run_nor_a_commit_is_refused(review: Review) -> None:
    """
    Given a name that nothing has, and options of a commit beside runs,
    when they are compared,
    then it is said what there is not.
    """
    nothing = review.cli("compare", "nobody")
    beside = review.cli("compare", "last", "last", "--no-python")

    assert nothing.code == 2
    assert "there is no run 'nobody', and git knows no commit 'nobody'" in nothing.err
    assert beside.code == 2
    assert "belong to a comparison with a commit" in beside.err


def test_a_pipeline_that_was_not_there_is_left_out(review: Review) -> None:
    """
    Given a pipeline that main does not have,
    when all are compared with main,
    then it is told on stderr, and the other is compared.
    """
    text = (review.lab.root / "pipelines/words.yaml").read_text()
    review.lab.write("pipelines/new.yaml", text.replace('"name": "words"', '"name": "new"'))

    said = review.cli("compare", "main", "--json")

    assert said.code == 0, said.err
    assert [one["a"]["pipeline"] for one in said.json["comparisons"]] == ["words"]
    assert "new: there is no such pipeline at main (" in said.err
