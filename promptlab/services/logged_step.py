"""Steps as the log has them, without what was said."""

from collections.abc import Mapping
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.schemas.run import StepCall, TrialKey
from promptlab.schemas.sources import Sources

type Place = tuple[int, int]  # trial, position
type Name = tuple[str, str, int]  # row, cell, repeat


@frozen(kw_only=True)
class LoggedStep:
    """A step of a trial. `sources` and `inputs_digest` None: logged by a version that did not tell."""

    run_id: str
    place: Place
    trial: TrialKey
    row_digest: str
    step: str
    status: str
    model: str | None
    error_kind: str | None
    calls: tuple[StepCall, ...]
    sources: Sources | None
    inputs_digest: str | None

    @property
    def name(self) -> Name:
        return self.trial.row_id, self.trial.cell, self.trial.repeat

    @property
    def asked(self) -> tuple[StepCall, ...]:
        """Its calls but those of tools."""
        return tuple(call for call in self.calls if not call.tool)

    @property
    def first_sent(self) -> int | None:
        """Which of those it asked was the first that left; None: none did."""
        sent = (index for index, call in enumerate(self.asked) if not call.recalled and call.attempts)
        return next(sent, None)


@frozen
class PeerStep:
    """A step beside another; `ended`: its status and its output. Digests are None where unknown."""

    place: Place
    ended: tuple[Any, ...]
    template: str | None
    code: str | None


@frozen
class LoggedFile:
    """A file that a run was made from."""

    kind: str
    digest: str


@frozen
class Asked:
    """A request as it was recorded with its answer."""

    fingerprint: str
    provider: str
    request: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Who was asked: `python`, `http` or a `model`."""
        return self.provider if self.provider in ("python", "http") else "model"

    @property
    def model(self) -> str:
        return f"{self.provider}/{self.request['model']}"

    @property
    def params(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.request["params"]
        return found

    @property
    def given(self) -> Any:
        """What a step made of its templates, its row and the answers before it."""
        if self.kind == "model":
            return self.request["messages"]
        return self.params.get("arguments") if self.kind == "python" else self.params
