"""What happens in a run, told in the past tense to whoever listens."""

from collections.abc import Callable
from dataclasses import dataclass

from promptlab.schemas.run import StepResult, TrialKey, TrialResult


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`planned`: how many trials there are to do."""

    pipeline: str
    planned: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptSent:
    """A request is about to leave for `model`."""

    model: str
    number: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt ended; `failure` says how if not with an answer. `spent_usd` None: unknown."""

    model: str
    number: int
    failure: str | None
    spent_usd: float | None
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class CallRecalled:
    model: str
    shared: bool


@dataclass(frozen=True, slots=True)
class ModelPaused:
    """The provider asked to wait, in seconds."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ConcurrencyChanged:
    """So many calls may be in flight to `model` at once from now on."""

    model: str
    limit: int


@dataclass(frozen=True, slots=True)
class ModelClosed:
    """No more calls go to this model in this run."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class FellBack:
    """A model failed for good, and the next one was asked in its place; `recalled`: that was before."""

    model: str
    fallback: str
    reason: str
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A piece of an answer came, while it is streamed."""

    trial: TrialKey
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class TextEnded:
    """A streamed answer is over; where it is not whole it was broken off."""

    trial: TrialKey
    step: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class StepFinished:
    trial: TrialKey
    result: StepResult


@dataclass(frozen=True, slots=True)
class TrialFinished:
    result: TrialResult


@dataclass(frozen=True, slots=True)
class RunStopped:
    """The run will send no new call; `reason` says why, for a person."""

    kind: str
    reason: str


type Event = (
    RunStarted
    | AttemptSent
    | AttemptEnded
    | CallRecalled
    | ModelPaused
    | ConcurrencyChanged
    | ModelClosed
    | FellBack
    | TextReceived
    | TextEnded
    | StepFinished
    | TrialFinished
    | RunStopped
)
type Emit = Callable[[Event], None]
