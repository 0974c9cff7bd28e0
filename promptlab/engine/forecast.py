"""What a trial would do, as far as it can be told without asking anybody."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from promptlab.core.frozen import frozen, replace
from promptlab.engine.provider import ModelProfile

type Certainty = Literal["sure", "open", "again"]


@frozen(kw_only=True)
class Request:
    """A request as long as it is known. `blanks`: how often the missing answer of a step stands in it.

    `size`: bytes of all that is sent, as a limit reserves them; `text`: those of what the model reads; both
    without the blanks, and without the `answers` that the model gave to this request before. `ceiling`: the
    most tokens of an answer, None where nobody knows. `is_known` false: there is more in it than
    can be told. `problem`: why the model cannot be asked as things are.
    """

    profile: ModelProfile
    ceiling: int | None
    size: int
    text: int
    blanks: Mapping[str, int] = field(default_factory=dict)
    answers: int = 0
    is_known: bool = True
    problem: str | None = None


@frozen(kw_only=True)
class Ahead:
    """`times` calls of a model that nobody has answered yet.

    `sure`: it leaves. `open`: it hangs on an answer that is not there. `again`: it follows on an answer that
    is not there, such as one that was no valid output, or did not decide its row. `fingerprint`: of a request
    that is known to the last byte; `recall`: whether an older answer to it would do.
    """

    certainty: Certainty
    request: Request
    times: int = 1
    fingerprint: bytes | None = None
    recall: bool = True

    @property
    def is_likely(self) -> bool:
        """Whether it is to be expected, not only to be feared."""
        return self.certainty != "again"


@frozen(kw_only=True)
class StepForecast:
    """What a step of a trial would do; `path` with the items that it is inside of, `parts[2].part`.

    `recalled`: answers of models that are there; `runs`: functions and requests of the project that run, or
    may; `remembered`: what those gave, and is there. `is_skipped`: it asks nothing; one that
    is excused for what it was answered is not. `has_open_list`: nobody can tell
    how long a list is that it is run for; its calls are as many as there may be at most.
    `error`: why it fails for certain. `judges`: what the checks at this place ask, not the step; at `""`
    those of the pipeline.
    """

    path: str
    judges: bool = False
    ahead: tuple[Ahead, ...] = ()
    recalled: int = 0
    runs: int = 0
    remembered: int = 0
    is_skipped: bool = False
    has_open_list: bool = False
    error: str | None = None

    def if_undecided(self) -> "StepForecast":
        """Give the same of a repeat that is only made where those before it do not decide the row."""
        return replace(self, ahead=tuple(replace(one, certainty="again") for one in self.ahead), error=None)
