"""Why steps of trials were called rather than recalled."""

from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.run import MISSING, TrialKey, _Missing

type Cause = Literal[
    "new",  # it was never run before: the row, the variant, the axis or its value, the repeat, the step
    "template",
    "with",  # what a step, or one around it, gives to what it runs
    "foreach",  # the list of a step around it
    "include",
    "row",
    "params",
    "model",  # the model, or where and how it is asked
    "schema",
    "tool",  # what the model is told of its tools, or what one of them gave
    "code",
    "file",  # one that a prompt attaches or reads
    "answer",  # what an earlier step gave
    "outputs",  # what the pipeline gave, to be judged
    "check",  # what a check says by itself: its value, query or context
    "messages",  # they differ, and nothing above does
    "skipped",  # it was not asked before
    "errored",  # it has no answer from before
    "pruned",  # its answer from before was deleted
    "recall",  # the step recalls nothing
    "fresh",  # the run recalls nothing
    "unknown",
]


@frozen
class Change:
    """One thing that changed: what it is called, and its values before and after, where they are short."""

    cause: Cause
    what: str = ""
    old: JSON | _Missing = MISSING
    new: JSON | _Missing = MISSING

    @property
    def has_values(self) -> bool:
        return not (self.old is MISSING and self.new is MISSING)

    def as_json(self) -> dict[str, JSON]:
        values = {"old": self.old, "new": self.new} if self.has_values else {}
        known = {name: value for name, value in values.items() if not isinstance(value, _Missing)}
        return {"cause": self.cause, "what": self.what, **known}


@frozen(kw_only=True)
class Explained:
    """A step of a trial that was called, or (`check`) a model that judges it; then None: the outputs.

    `against`: the run with its newest earlier step run, or verdict, if any.
    """

    trial: TrialKey
    step: str | None
    changes: tuple[Change, ...]
    against: str | None = None
    check: str | None = None

    @property
    def asked(self) -> str:
        """What was called: the path of a step, or a check behind that of its step."""
        return "/".join(part for part in (self.step, self.check) if part)

    def as_json(self) -> dict[str, JSON]:
        return {
            "row": self.trial.row,
            "row_id": self.trial.row_id,
            "variant": self.trial.variant,
            "axes": dict(self.trial.axes),
            "repeat": self.trial.repeat,
            "step": self.step,
            "check": self.check,
            "against": self.against,
            "changes": [change.as_json() for change in self.changes],
        }
