"""`perplexity` and `perplexity-score`: how sure a model was of the words that it chose."""

from math import exp, inf
from statistics import fmean
from typing import ClassVar

from pydantic import Field

from promptlab.engine.check import CannotJudge, Check, Finding, Subject, shown

_HOW_TO_ASK = (
    "ask for them with `params: {extra: {logprobs: true}}` "
    "(`api: responses`: `extra: {include: [message.output_text.logprobs]}`), of a model that gives them"
)
_MOST = 700.0  # e to this is about the largest number there is
_LEAST = -1e300  # a million of these can be added up
_ROUNDED = 1e-3  # log(1), as some models compute it


class Perplexity(Check):
    """The perplexity of the answer is at most `threshold`.

    It is e to the power of the mean of -logprob over the tokens of the answer: 1 where the model was sure of
    each, n where it chose among n likely ones. The short form gives the threshold: `perplexity: 5`.

    It needs the probabilities of the tokens, for which a model must be asked:
    `params: {extra: {logprobs: true}}`, or with `api: responses`
    `params: {extra: {include: [message.output_text.logprobs]}}`. Without them it is errored, and an answer
    without a token fails. A step that asked more than once has those of its last answer; a pipeline's check
    takes the tokens of all steps together.
    """

    short_form = "threshold"
    threshold_is_score: ClassVar[bool] = False
    threshold: float = Field(gt=0, allow_inf_nan=False)

    async def judge(self, subject: Subject) -> Finding:
        found = _perplexity(subject)
        reason = f"has a perplexity of {found:.4g}; at most {self.threshold:g}"
        return Finding.of(passed=found <= self.threshold, reason=reason)


class PerplexityScore(Check):
    """1 / (1 + perplexity) of the answer is at least `threshold`, as in promptfoo: 0.5 is the best there is.

    The short form gives the threshold: `perplexity-score: 0.3`. Without a threshold it passes, and its score
    is there for a `metric`. It needs what `perplexity` needs.
    """

    short_form = "threshold"

    async def judge(self, subject: Subject) -> Finding:
        found = _perplexity(subject)
        score = 1 / (1 + found)
        least = "" if self.threshold is None else f"; at least {self.threshold:g}"
        reason = f"has a perplexity score of {score:.4g}{least}"
        return Finding(passed=True, score=score, reason=reason)


def _perplexity(subject: Subject) -> float:
    """Give inf for an answer without tokens. Raises CannotJudge where a token's probability is not known."""
    logprobs = [_sound(logprob) for logprob in _logprobs(subject)]
    surprise = -fmean(logprobs) if logprobs else inf
    return exp(surprise) if surprise <= _MOST else inf


def _sound(logprob: float) -> float:
    """Give a logprob that can be added up. Raises CannotJudge for one that belongs to no probability."""
    if not logprob <= _ROUNDED:
        raise CannotJudge(f"has the logprob {shown(repr(logprob)[:20])}, but none is above 0: log(1) is 0")
    return max(logprob, _LEAST)


def _logprobs(subject: Subject) -> list[float]:
    steps = [step for result in subject.results for step in result.flat]
    told = [step.logprobs for step in steps if step.logprobs is not None]
    silent = [step.id for step in steps if step.logprobs is None and step.model is not None]
    if silent:
        raise CannotJudge(f"the answer of '{silent[0]}' came without logprobs; {_HOW_TO_ASK}")
    if not told:
        raise CannotJudge("there are no logprobs: no model was asked here, and the answer brought none")
    return [logprob for logprobs in told for logprob in logprobs]
