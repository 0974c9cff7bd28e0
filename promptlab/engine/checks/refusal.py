"""`is-refusal`: the model said that it will not, in its words or as the reason why it ended."""

from typing import Final

from promptlab.engine.check import Check, Finding, Subject, shown
from promptlab.engine.checks.ended import reasons_of
from promptlab.engine.checks.refusing import refusing_phrase

REFUSED: Final = frozenset(("refusal", "content_filter"))


class IsRefusal(Check):
    """The answer is a refusal: by its words, or because the model ended with `refusal` or `content_filter`.

    The words are the phrases with which models refuse in English (“I cannot help with …”, “Unfortunately, I
    must decline”, “As an AI, I do not …”), upper and lower case the same; idioms (“I cannot wait to help”)
    and plain advice (“I don't recommend it”) are none. They are looked for in the first 100,000 characters,
    an apology at the beginning alone. An empty answer is no refusal; ask for it with `equals` or
    `finish-reason`. It takes no value.
    """

    async def judge(self, subject: Subject) -> Finding:
        ended = next((reason for reason in reasons_of(subject) if reason in REFUSED), None)
        if ended is not None:
            return Finding.of(passed=True, reason=f"ended with {ended}")
        phrase = refusing_phrase(subject.text)
        reason = f"says {shown(phrase)}" if phrase is not None else "says nothing with which models refuse"
        return Finding.of(passed=phrase is not None, reason=reason)
