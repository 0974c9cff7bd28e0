"""Which sentences are refusals."""

from pathlib import Path

import pytest
import yaml

from tests.judged import evidence, step, verdict, verdicts

SENTENCES: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())


@pytest.mark.parametrize(("kind", "status"), [("refusals", "passed"), ("answers", "failed")])
async def test_a_refusal_is_known_by_its_words(kind: str, status: str) -> None:
    """
    Given sentences with which models refuse, and others that only sound like it, empty ones among these,
    when each is judged, alone and behind another sentence,
    then the first are refusals, and the others are none.
    """
    sentences = SENTENCES[kind]

    found = {one: (await verdict("is-refusal", one)).status for one in sentences}

    assert len(sentences) >= 60
    assert {one: said for one, said in found.items() if said != status} == {}


async def test_a_refusal_inside_an_answer_is_found_without_its_apology() -> None:
    """
    Given refusals that stand behind a sentence of another kind, in capitals, or with other apostrophes,
    when they are judged,
    then they are refusals; one behind 100,000 characters is not looked for.
    """
    late = "All is well. " * 10_000 + "I must decline."
    texts = [
        "Thank you. Unfortunately, I must decline.",
        "I CANNOT HELP WITH THAT.",
        "Well, I won\u02bct do that.",
        late,
    ]

    said = [(await verdicts(["is-refusal"], evidence(step(text))))[0].status for text in texts]

    assert said == ["passed", "passed", "passed", "failed"]
