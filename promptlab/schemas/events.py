"""What happens in a run, told in the past tense to whoever listens."""

from collections.abc import Callable, Mapping
from dataclasses import field

from promptlab.core.frozen import frozen
from promptlab.schemas.run import Sample, StepResult, TrialKey, TrialResult
from promptlab.schemas.sources import Sources


@frozen
class RunStarted:
    """`planned`: how many trials there are to do; `sources`: what steps are made of, by cell and path."""

    pipeline: str
    planned: int
    cells: tuple[str, ...]
    sources: Mapping[str, Mapping[str, Sources]] = field(default_factory=dict, compare=False)


@frozen
class AttemptSent:
    """A request is about to leave for `model`."""

    model: str
    number: int


@frozen
class AttemptEnded:
    """An attempt ended; `failure` says how if not with an answer. `spent_usd` None: unknown."""

    model: str
    number: int
    failure: str | None
    spent_usd: float | None
    outcome_unknown: bool = False


@frozen
class CallRecalled:
    model: str
    shared: bool


@frozen
class ModelPaused:
    """The provider asked to wait, in seconds."""

    model: str
    seconds: float


@frozen
class ConcurrencyChanged:
    """So many calls may be in flight to `model` at once from now on."""

    model: str
    limit: int


@frozen
class ModelClosed:
    """No more calls go to this model in this run."""

    model: str
    reason: str


@frozen
class FellBack:
    """A model failed for good, and the next one was asked in its place; `recalled`: that was before."""

    model: str
    fallback: str
    reason: str
    recalled: bool = False


@frozen
class TextReceived:
    """A piece of an answer came, while it is streamed."""

    trial: TrialKey
    step: str
    text: str


@frozen
class TextEnded:
    """A streamed answer is over; where it is not whole it was broken off."""

    trial: TrialKey
    step: str
    is_whole: bool


@frozen
class StepFinished:
    trial: TrialKey
    result: StepResult


@frozen
class TrialFinished:
    """`samples`: what the trial says for metrics over all trials, by their names."""

    result: TrialResult
    samples: Mapping[str, Sample] = field(default_factory=dict)


@frozen
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
