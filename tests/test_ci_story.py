"""A prompt under review: edited on branches, recorded with a key, judged without one and offline."""

import pytest

from tests.ci_kit import GOOD, Review
from tests.cli_kit import Cli
from tests.fakes import FakeProvider

WORSE = "{% if word < 'word-0006.' %}Say nothing{% else %}Say {{ word }}{% endif %}"
FLAWED = "{% if word == 'word-0000.' %}Say nothing{% else %}Say {{ word }}{% endif %}"


@pytest.fixture
def review(cli: Cli, fake_provider: FakeProvider) -> Review:
    return Review.made(cli, fake_provider)


def test_what_was_recorded_is_green(review: Review) -> None:
    """
    Given a pipeline that was recorded and committed,
    when CI tests it,
    then it passes with a line and a total.
    """
    said = review.ci()

    assert said.code == 0, said.out
    assert said.out.splitlines()[0] == "✓ words: 8 passed"
    assert said.out.splitlines()[1].startswith("1 pipeline passed · 8 trials: 8 passed · 0 calls · spent $0")
    assert said.err == ""


def test_a_prompt_that_got_worse_is_red_and_names_the_rows(review: Review) -> None:
    """
    Given a branch on which six of eight rows are answered wrongly, recorded,
    when CI tests what is affected, and holds it against main,
    then it is red, and names each row with what was expected and what came; the gate names those that fell.
    """
    review.branch("worse", WORSE)
    review.record()

    affected = review.ci("--since", "main")
    against = review.ci("--since", "main", "--against", "main")

    assert affected.code == 1
    assert "✗ words: 6 failed" in affected.out
    for row in range(6):
        assert f"row {row} (r{row}) failed" in affected.out
    assert "say/contains: does not contain 'word-0002.'" in affected.out
    assert "      - word-0002.\n      + " in affected.out
    assert against.code == 1
    assert "✗ gate: pass_rate no drop against main in base: pass_rate fell by 1" in against.out
    assert "worse: r0, r1, r2, r3, r4 and 1 more" in against.out


def test_a_prompt_that_got_better_is_green(cli: Cli, fake_provider: FakeProvider) -> None:
    """
    Given a main on which one row is answered wrongly, and a branch that mends it, recorded,
    when CI tests what is affected, and all of it against main,
    then both are green, where main is red.
    """
    review = Review.made(cli, fake_provider, FLAWED)
    on_main = review.ci()
    review.branch("better", GOOD)
    review.record()

    affected = review.ci("--since", "main")
    against = review.ci("--against", "main")

    assert on_main.code == 1
    assert (affected.code, against.code) == (0, 0), against.out
    assert "✓ words: 1 passed" in affected.out
    assert "pass_rate rose by 0.125 (0.875 → 1" in against.out


def test_an_edit_without_its_recordings_is_refused_with_the_list(review: Review) -> None:
    """
    Given a branch whose prompt was changed and not recorded,
    when CI tests it,
    then the exit code is 2, and each call that lacks is named, with the command that records it.
    """
    review.branch("forgotten", "Please say {{ word }}")
    review.repository.commit()

    said = review.ci("--since", "main")

    assert said.code == 2
    assert "8 answers not recorded:" in said.out
    assert "row 0 (r0) base step say: fake/model-1" in said.out
    assert "promptlab recordings update pipelines/words.yaml" in said.out


def test_a_harmless_edit_is_green_without_a_call(review: Review) -> None:
    """
    Given a branch with a comment in the prompt and another description, not recorded,
    when CI tests it,
    then it is green from the recordings that there were; of what is affected nothing is left to test.
    """
    review.branch("harmless", "{# said kindly #}Say {{ word }}")
    review.lab.write_pipeline(description="Says words.")
    review.repository.commit()

    said, affected = review.ci("--against", "main"), review.ci("--since", "main")

    assert said.code == 0, said.out
    assert "pass_rate is 1 as before, on 8 rows" in said.out
    assert affected.code == 5


def test_other_answers_to_the_same_requests_are_tested(review: Review) -> None:
    """
    Given a branch on which nothing but answers is other: one is recorded anew, and worse, another taken away,
    when CI tests what is affected,
    then these two rows are, one named as red and one as not recorded.
    """
    review.branch("anew")
    review.provider.script({"user": "0003", "answer": "no"})
    review.record("--fresh")
    gone = next(path for path in review.recordings if "word-0005" in path.read_text())

    worse = review.ci("--since", "main")
    gone.unlink()
    lacking = review.ci("--since", "main")

    assert (worse.code, lacking.code) == (1, 2)
    assert "✗ words: 1 failed\n  row 3 (r3) failed" in worse.out
    assert "1 failed, 1 left" in lacking.out
    assert "row 5 (r5) base step say" in lacking.out


def test_other_answers_of_who_compares_outputs_affect_all_rows(review: Review) -> None:
    """
    Given a metric by which a model compares outputs, and nothing changed but what it answered,
    when CI tests what is affected,
    then all rows are, as what it is asked is known after a run alone.
    """
    review.branch("best")
    metrics = [{"name": "best", "select-best": "the kinder one", "judge": "fake/judge"}]
    loud = {"steps": {"say": {"prompt": "prompts/loud.j2"}}}
    review.lab.write("prompts/loud.j2", f"{GOOD}!")
    review.lab.write_pipeline(metrics=metrics, variants={"base": {}, "loud": loud})
    review.provider.script({"body": "kinder", "answer": '{"reason": "so", "choice": 1}'})
    review.record()
    review.provider.script({"body": "kinder", "answer": '{"reason": "so", "choice": 2}'})
    review.record("--fresh")

    said = review.ci("--since", "HEAD~1")

    assert "✓ words: 16 passed" in said.out, said.out


def test_a_gate_is_judged_against_another_baseline(review: Review) -> None:
    """
    Given a gate against a baseline, and a branch on which that file alone is another one,
    when CI tests what is affected,
    then all rows are.
    """
    review.lab.write_pipeline(gates=[{"metric": "pass_rate", "against": "baseline"}])
    review.record()
    review.cli("baseline", "update", "words")

    said = review.ci("--since", "HEAD")

    assert "✓ words: 8 passed · 1 of 1 gate passed" in said.out, said.out


def test_two_branches_that_recorded_merge_without_a_conflict(review: Review) -> None:
    """
    Given two branches that each added a row and recorded it, at other ends of the data,
    when they are merged,
    then there is no conflict, and CI is green from the recordings of both.
    """
    rows = (review.lab.root / "data/rows.jsonl").read_text()
    for name, text in (
        ("one", f'{{"id": "a", "word": "first."}}\n{rows}'),
        ("two", f'{rows}\n{{"id": "z", "word": "last."}}'),
    ):
        review.branch(name)
        review.lab.write("data/rows.jsonl", text)
        review.record()

    review.repository.git("merge", "-q", "--no-edit", "one")

    assert len(review.recordings) == 10
    said = review.ci("--against", "main")
    assert said.code == 0, said.out
    assert "✓ words: 10 passed" in said.out
    assert "on 8 rows" in said.out
