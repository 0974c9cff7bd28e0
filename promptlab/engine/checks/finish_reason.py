"""`finish-reason`: why the model ended its answer."""

from typing import Any

from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.engine.check import CannotJudge, Finding, Subject, ValueCheck
from promptlab.engine.checks.ended import reasons_of
from promptlab.engine.finish_reasons import REASONS, reason_of


class FinishReason(ValueCheck):
    """The model ended its answer for this reason, or for one of a list of them.

    The value is `stop` (it was done), `length` (`max_tokens` were used up), `tool_calls`, `content_filter`,
    `refusal` or `other`; vendors' own names (`end_turn`, `max_tokens`, `tool_use` …) are understood. A step
    with tools has the reason of its last answer. Where several steps asked a model, all must have ended so:
    say `of` to look at one. Where no model was asked, the check is errored.
    """

    @classmethod
    def parse(cls, value: JSON) -> tuple[str, ...]:
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(item, str) for item in listed):
            raise ValueError(f"must be a reason, or a list of them; known: {', '.join(REASONS)}")
        return tuple(_known(str(item)) for item in listed)

    def compare(self, value: Any, subject: Subject) -> Finding:
        ended = dict.fromkeys(reasons_of(subject))
        if not ended:
            raise CannotJudge("it is not known why it ended: no model was asked")
        wrong = [reason for reason in ended if reason not in value]
        reason = f"ended with {', '.join(wrong or ended)}" + (f", not {' or '.join(value)}" if wrong else "")
        return Finding.of(passed=not wrong, reason=reason)


def _known(item: str) -> str:
    reason = reason_of(item)
    if reason not in REASONS:
        raise ValueError(f"there is no reason '{item}'; {did_you_mean(reason, REASONS)}")
    return reason
