"""Text metrics: that they are what their papers and reference implementations say, and how they differ."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from nltk.tokenize import TreebankWordTokenizer
from nltk.translate.bleu_score import sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import meteor_score
from sacrebleu.metrics.chrf import CHRF

from promptlab.core.json import JSON
from promptlab.engine.checks.porter import stem
from promptlab.engine.checks.treebank import tokens
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.chat_stream import ChatStream
from promptlab.engine.providers.responses import ResponsesDialect
from promptlab.engine.scope import Names
from promptlab.schemas.run import StepResult
from promptlab.schemas.template import Template
from tests.judged import evidence, step, verdict, verdicts
from tests.run_log_kit import asking

WORDS = ["the", "cat", "cats", "sat", "on", "mat", "running", "runs", "relational"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
some_texts = st.lists(texts, min_size=1, max_size=3)
quick = settings(max_examples=30, deadline=None)

ROOTS = ["relat", "condition", "hop", "fall", "fil", "hiss", "sky", "d", "cr", "agree", "trap", "electr"]
ENDINGS = [
    "e",
    "es",
    "ies",
    "ied",
    "ed",
    "ing",
    "eed",
    "y",
    "ational",
    "izer",
    "bli",
    "alli",
    "logi",
    "fulli",
]
MORE = ["", "s", "ed", "ing", "ly", "ness", "ement", "ion", "al", "ll", "ive", "iveness", "ization"]

ANSWER = "It is a guide to action which ensures that the military always obeys the commands of the party."
REFERENCES = [
    "It is a guide to action that ensures that the military will forever heed Party commands.",
    "It is the guiding principle which guarantees that the army is always under the command of the Party.",
    "It is the practical guide for the army always to heed the directions of the party.",
]


async def score(source: JSON, output: JSON | StepResult) -> float:
    said = await verdict(source, output)
    assert said.status in ("passed", "failed"), said.reason
    return said.score


class NoSynonyms:
    """WordNet without a word in it."""

    @staticmethod
    def synsets(word: str) -> tuple[()]:
        del word
        return ()


def smoothed(precisions: list[Any], **_: Any) -> list[float]:
    return [float(one) or 1e-7 for one in precisions]


def split(text: str) -> list[str]:
    return [word.rstrip(".") for word in text.lower().split()]


@quick
@given(answer=texts, references=some_texts)
async def test_bleu_is_that_of_nltk(answer: str, references: list[str]) -> None:
    """
    Given an answer with a word in common with its references,
    when its BLEU is taken,
    then it is NLTK's, smoothed as promptfoo has it.
    """
    assume(set(answer.split()) & set(" ".join(references).split()))

    found = await score({"bleu": list(references)}, answer)

    wanted = sentence_bleu(
        [one.split() for one in references],
        answer.split(),
        smoothing_function=smoothed,
        auto_reweigh=True,
    )
    assert found == pytest.approx(wanted, abs=1e-3)


@quick
@given(answer=texts, references=some_texts)
async def test_gleu_meteor_and_chrf_are_those_of_nltk_and_sacrebleu(
    answer: str, references: list[str]
) -> None:
    """
    Given an answer and its references,
    when their GLEU, METEOR and chrF are taken,
    then they are those of the reference implementations.
    """
    wanted = {
        "gleu": sentence_gleu([split(one) for one in references], split(answer)),
        "meteor": meteor_score([split(one) for one in references], split(answer), wordnet=NoSynonyms()),
        "chrf": CHRF().sentence_score(answer, references).score / 100,
    }

    found = {kind: await score({kind: list(references)}, answer) for kind in wanted}

    assert found == pytest.approx(wanted, abs=1e-3)


async def test_the_textbook_sentences_have_their_textbook_scores() -> None:
    """
    Given the sentences that papers and libraries show their scores on,
    when they are compared,
    then the scores are those.
    """
    plain = [one.rstrip(".").replace("Party", "party") for one in REFERENCES]
    answer = ANSWER.rstrip(".")

    assert await score({"bleu": list(plain)}, answer) == pytest.approx(0.5046, abs=1e-3)
    assert await score({"gleu": plain[0]}, answer) == pytest.approx(
        sentence_gleu([split(plain[0])], split(answer))
    )
    assert await score({"rouge-l": "police killed the gunman"}, "police kill the gunman") == 0.75
    assert await score({"rouge-l": "police killed the gunman"}, "the gunman kill police") == 0.5
    assert await score({"rouge-n": "police killed the gunman"}, "the gunman police killed") == 1
    assert await score({"type": "rouge-n", "value": "a b c d", "n": 2}, "a b x c d") == pytest.approx(4 / 7)


@quick
@given(answer=texts, reference=texts)
async def test_rouge_l_is_the_longest_common_subsequence(answer: str, reference: str) -> None:
    """
    Given two short texts,
    when ROUGE-L is taken,
    then it is the F1 of the longest subsequence that a search of all finds in both.
    """
    given_, wanted = answer.split()[:7], reference.split()[:7]
    common = {
        chosen
        for size in range(1, 8)
        for chosen in combinations(given_, size)
        if chosen in set(combinations(wanted, size))
    }
    longest = max(map(len, common), default=0)

    found = await score({"rouge-l": " ".join(wanted)}, " ".join(given_))

    assert found == pytest.approx(2 * longest / (len(given_) + len(wanted)))


@given(st.sampled_from(ROOTS), st.sampled_from(ENDINGS), st.sampled_from(MORE))
def test_stems_are_those_of_nltk(root: str, ending: str, more: str) -> None:
    """
    Given a word of any endings,
    when its stem is taken,
    then it is that of NLTK's Porter stemmer.
    """
    word = root + ending + more

    assert stem(word) == PorterStemmer().stem(word)


@pytest.mark.parametrize(
    "word", ["skies", "dying", "news", "innings", "succeed", "", "a", "by", "sky", "été"]
)
def test_odd_words_have_the_stems_of_nltk(word: str) -> None:
    """
    Given a word that is short, foreign or irregular,
    when its stem is taken,
    then it is that of NLTK's Porter stemmer.
    """
    assert stem(word) == PorterStemmer().stem(word)


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat.",
        "I can't say 'hello' to \"them\", he said; 3,000 $5.00 (see it) -- don't... wait!",
        "they've we'll it's dogs' toys",
        "a: b, c:d 12:30 [x] {y} <z> 100%",
        "mat. It slept. (Well.)",
    ],
)
def test_words_are_those_of_the_treebank(text: str) -> None:
    """
    Given a text with signs and contractions,
    when its words are taken for ROUGE,
    then they are those of NLTK's Treebank tokenizer, in lower case.
    """
    assert tokens(text) == TreebankWordTokenizer().tokenize(text.lower())


@pytest.mark.parametrize("kind", ["rouge-n", "rouge-l", "bleu", "gleu", "meteor", "chrf", "similar"])
@pytest.mark.parametrize("output", ["", " \n"])
async def test_an_empty_answer_fails_with_nothing(kind: str, output: str) -> None:
    """
    Given an answer without a word,
    when it is compared,
    then its score is 0 and it fails.
    """
    said = await verdict({kind: "the cat"}, output)

    assert (said.status, said.score) == ("failed", 0)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("bleu", "a b", "a b " * 40_000),
        ("gleu", ["a", "b", "c"], "a b " * 12_000),
        ("meteor", "a b", "a b " * 12_000),
        ("rouge-n", "a b", "a b " * 120_000),
        ("rouge-n", "a b", "a'b" * 40_000),
        ("rouge-l", "a b " * 10_000, "a b " * 20_000),
        ("chrf", "a b", "a" * 50_000),
        ("similar", "a b", "a" * 120_000),
    ],
)
async def test_what_is_too_long_is_an_error(kind: str, value: JSON, words: str) -> None:
    """
    Given an answer too long to compare in good time,
    when it is compared, plainly and with `not-`,
    then both are errors that say how long it may be.
    """
    said = await verdicts([{kind: value}, {f"not-{kind}": value}], evidence(step(words)))

    assert {one.status for one in said} == {"errored"}
    assert said[0].reason.startswith("too long to compare (")
    assert "; at most " in said[0].reason


async def test_a_reference_that_is_blank_once_rendered_is_an_error() -> None:
    """
    Given a value that is rendered without a word in it,
    when it is compared,
    then that is an error, for nothing could be said.
    """
    (said,) = await verdicts([{"bleu": "{{ label }}"}], evidence(step("x"), render=renders_blank))

    assert said.status == "errored"
    assert (
        said.reason
        == "its value was rendered as ' ': must be a text with a word in it, or a list of such texts"
    )


async def renders_blank(template: Template, names: Names) -> JSON:
    del template, names
    return " "


async def test_meteor_weighs_as_it_is_told() -> None:
    """
    Given weights of one's own,
    when a scattered answer is compared,
    then they count: without `gamma` there is no penalty, with `alpha` 1 recall alone counts.
    """
    plain: JSON = {"type": "meteor", "value": "a b c d", "gamma": 0, "alpha": 1}

    assert await score(plain, "d c b a x y") == 1
    assert await score({"meteor": "a b c d"}, "d c b a") == 0.5


async def test_a_group_wants_k_of_its_checks() -> None:
    """
    Given groups of checks that pass, fail and err,
    when two must pass,
    then it passes, fails, or errs where it hangs on the one that errs; its score is the mean of the best two.
    """
    yes: JSON = {"contains": "x"}
    no: JSON = {"contains": "y"}
    err: JSON = {"perplexity": 1}
    groups: list[list[JSON]] = [[yes, yes, err], [no, no, err], [yes, no, err], [yes, yes, no]]

    said = await verdicts(
        [{"type": "k-of-n", "threshold": 2, "value": value} for value in groups], evidence(step("x"))
    )

    assert [(one.status, one.score) for one in said] == [
        ("passed", 1),
        ("failed", 0),
        ("errored", 0),
        ("passed", 1),
    ]
    assert said[3].reason == "2 of 3 passed; contains-3: does not contain 'y'; at least 2"


async def test_perplexity_needs_logprobs_and_says_how_to_ask_for_them() -> None:
    """
    Given an answer without logprobs, and a step that asked no model,
    when their perplexity is judged,
    then both are errors, the first with what to write.
    """
    silent = await verdict({"perplexity": 2}, step("x", model="openai/m"))
    other = await verdict("not-perplexity-score", step("x"))

    assert (silent.status, other.status) == ("errored", "errored")
    assert "the answer of 'step' came without logprobs; ask for them with `params: {extra:" in silent.reason
    assert other.reason == "there are no logprobs: no model was asked here, and the answer brought none"


async def test_perplexity_is_that_of_all_tokens_together() -> None:
    """
    Given two steps of a pipeline,
    when its perplexity is judged,
    then it is e to the mean of -logprob, and the score 1 / (1 + perplexity).
    """
    steps = [
        step("x", id="a", model="m", logprobs=(-1.0, -2.0)),
        step("x", id="b", model="m", logprobs=(-3.0,)),
    ]

    said = await verdicts([{"perplexity": 7.4}, "perplexity-score"], evidence(*steps, outputs={}), at=None)

    assert said[0].reason == "has a perplexity of 7.389; at most 7.4"
    assert said[1].score == pytest.approx(0.1192, abs=1e-4)


async def test_logprobs_without_bounds_are_no_crash() -> None:
    """
    Given logprobs whose sum no number holds, that of a sure token as some models round it, and one above 0,
    when their perplexity is judged,
    then the first is infinite, the second 1, and the last, which no probability has, an error.
    """
    huge, sure, wrong = (step("x", logprobs=some) for some in ((-1e308,) * 3, (1e-9,), (-1.0, 1.5)))

    said = [await verdict({"perplexity": 1.1}, one) for one in (huge, sure, wrong)]
    scored = await verdict("perplexity-score", huge)

    assert [one.status for one in said] == ["failed", "passed", "errored"]
    assert scored.score == 0
    assert said[2].reason == "has the logprob '1.5', but none is above 0: log(1) is 0"


TOKENS = [{"token": "Pa", "logprob": -0.25}, {"token": "ris", "logprob": -1}]
USAGE = {"prompt_tokens": 1, "completion_tokens": 2}


def test_logprobs_of_chat_completions_are_read_plain_and_streamed() -> None:
    """
    Given an answer with the logprobs of its tokens, whole and in chunks,
    when it is read,
    then they are there; where one is missing or no number, none is.
    """
    choice = {"message": {"content": "Paris"}, "finish_reason": "stop", "logprobs": {"content": TOKENS}}
    chunks: list[Any] = [
        {"choices": [{"delta": {"content": token["token"]}, "logprobs": {"content": [token]}}]}
        for token in TOKENS
    ]
    end = {"choices": [{"delta": {}, "finish_reason": "stop", "logprobs": None}], "usage": USAGE}
    bodies = [
        {"choices": [choice], "usage": USAGE},
        ChatStream().assembled([*chunks, end, "[DONE]"]),
        {"choices": [{**choice, "logprobs": {"content": [*TOKENS, {"logprob": "x"}]}}], "usage": USAGE},
        {"choices": [{**choice, "logprobs": None}], "usage": USAGE},
    ]

    read = [ChatDialect().read(asking("?"), body).logprobs for body in bodies]

    assert read == [(-0.25, -1.0), (-0.25, -1.0), None, None]


def test_logprobs_of_responses_are_read_of_all_parts() -> None:
    """
    Given answers of two parts, with logprobs, with those of one part, and with none (which is an empty list),
    when they are read,
    then they are there only where all are.
    """

    def read(*logprobs: object) -> tuple[float, ...] | None:
        parts = [{"type": "output_text", "text": "x", "logprobs": some} for some in logprobs]
        output = [{"type": "message", "content": parts}]
        usage = {"input_tokens": 1, "output_tokens": 2}
        body = {"status": "completed", "model": "m", "output": output, "usage": usage}
        return ResponsesDialect().read(asking("?"), body).logprobs

    assert read(TOKENS[:1], TOKENS[1:]) == (-0.25, -1.0)
    assert read(TOKENS, None) is None
    assert read([], []) is None
