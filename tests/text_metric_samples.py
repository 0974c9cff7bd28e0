"""The checks of text metrics with what passes and what fails, for the tests that all kinds go through."""

from promptlab.core.json import JSON
from promptlab.schemas.run import StepResult
from tests.judged import step
from tests.structure_samples import Sample

CAT = "The cat sat on the mat."
CATS: JSON = ["A dog barked.", CAT]


def sure(*logprobs: float) -> StepResult:
    """Give a step whose answer came with these log-probabilities."""
    return step("x", model="m", logprobs=logprobs)


TEXT_METRICS: list[Sample] = [
    ({"rouge-n": CAT}, [CAT, "the mat the cat sat on."], ["A dog barked.", "", None]),
    ({"rouge-n": CATS}, [CAT, "a dog barked!"], ["the the the the the the the"]),
    ({"type": "rouge-n", "value": CAT, "n": 2}, [CAT], ["on the mat the cat sat", "cat"]),
    ({"rouge-l": CAT}, [CAT, "The black cat sat on the mat."], ["mat the on sat cat the", ""]),
    ({"rouge-l": CATS}, [CAT], ["A cat."]),
    ({"bleu": CAT}, [CAT, "the cat sat on the mat."], ["The cat sat.", "", "cat"]),
    ({"bleu": CATS}, [CAT, "A dog barked."], ["A fish"]),
    ({"gleu": CAT}, [CAT, "the cat sat on the mat"], ["The mat", ""]),
    ({"gleu": CATS}, [CAT, "a dog barked..."], ["A fish"]),
    ({"meteor": CAT}, [CAT, "the cats sat on mats"], ["A fish", ""]),
    ({"meteor": CATS}, [CAT], ["A fish"]),
    ({"chrf": CAT}, [CAT, "The cats sat on the mats."], ["A fish", ""]),
    ({"chrf": CATS}, [CAT], ["A fish"]),
    ({"chrf": 12345}, [12345], [{"a": 1}]),
    ({"similar": "I forgot my password"}, ["I forgot my password!"], ["Stocks fell today", ""]),
    ({"similar": ["It rains", "I forgot my password"]}, ["my password, I forgot"], ["Stocks fell"]),
    ({"perplexity": 2}, [sure(-0.1, -0.2), sure(0.0)], [sure(-1, -2), sure(-9999.0), sure()]),
    ({"perplexity-score": 0.4}, [sure(-0.1, -0.2)], [sure(-1, -2), sure(-9999.0), sure()]),
    ("perplexity-score", [sure(-5.0)], []),
]
