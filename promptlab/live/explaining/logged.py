"""Why the steps of one trial were called rather than recalled, as far as the log alone tells it."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.live.explaining.requests import request_changes
from promptlab.models import Trial
from promptlab.schemas.explained import Change
from promptlab.schemas.log import FileKind, RunRecord
from promptlab.schemas.run import StepCall, TrialKey
from promptlab.services.earlier_steps import runs_before
from promptlab.services.logged_step import Asked, LoggedStep, PeerStep
from promptlab.services.step_history import StepHistory

MOST_RUNS = 5  # that are looked into for the trial before
MOST_LOOKED_THROUGH = 20_000  # trials of a run in which a row has moved
MOST_STEPS = 100
_T = Trial.__table__.c
_KINDS: Mapping[str, tuple[FileKind, ...]] = {
    "template": ("prompt", "pipeline"),
    "includes": ("include", "prompt"),
    "code": ("python",),
}


@frozen
class LoggedWhy:
    """What changed, and the run that it is told against; None: there is no such trial before."""

    changes: tuple[Change, ...]
    against: str | None


type Peers = Mapping[str, PeerStep]


class LoggedCauses:
    """Looks at trials of one run beside the same ones of the runs of its pipeline just before."""

    def __init__(self, session: Session, run: RunRecord) -> None:
        self._session = session
        self._run = run
        self._history = StepHistory(session, run.id)

    def of(self, trial_id: int, key: TrialKey) -> dict[str, LoggedWhy]:
        """Give, for each step of which a request left, why: by its path."""
        peers = self._history.trials([trial_id]).get(trial_id, {})
        steps = self._history.at([one.place for one in peers.values()])
        sent = [step for step in steps.values() if step.first_sent is not None][:MOST_STEPS]
        if not sent:
            return {}
        if self._run.options.get("fresh"):
            return {step.step: LoggedWhy((Change("fresh"),), None) for step in sent}
        runs = runs_before(self._session, self._run.id)[:MOST_RUNS]
        found = next(filter(None, (self._trial_in(run_id, key) for run_id in runs)), None)
        if found is None:
            new = Change("new", "row, cell or repeat" if runs else "run")
            return {step.step: LoggedWhy((new,), None) for step in sent}
        return self._against(found, sent, peers)

    def _trial_in(self, run_id: str, key: TrialKey) -> int | None:
        """Find the trial, most likely in the row of the same number."""
        query = select(_T.id).where(_T.run_id == run_id, _T.row_id == key.row_id)
        query = query.where(_T.cell == key.cell, _T.repeat == key.repeat)
        number: int | None = self._session.scalar(query.where(_T.row == key.row))
        if number is None and self._run.planned <= MOST_LOOKED_THROUGH:
            number = self._session.scalar(query.limit(1))
        return number

    def _against(self, trial_id: int, sent: list[LoggedStep], peers: Peers) -> dict[str, LoggedWhy]:
        before = self._history.trials([trial_id]).get(trial_id, {})
        steps = {
            step.step: step for step in self._history.at([one.place for one in before.values()]).values()
        }
        calls = [call for step in (*sent, *steps.values()) for call in step.asked]
        requests = self._history.requests({call.completion_id for call in calls if call.completion_id})
        pairs = ((step, steps.get(step.step)) for step in sent)
        return {
            own.step: LoggedWhy(
                tuple(self._changes(_Pair(own, old, requests), peers, before))
                if old
                else (Change("new", "step"),),
                old.run_id if old else None,
            )
            for own, old in pairs
        }

    def _changes(self, pair: "_Pair", peers: Peers, before: Peers) -> list[Change]:
        told = pair.without_request()
        if told is not None:
            return [told]
        changed = [*pair.asked_otherwise(), *self._made_otherwise(pair)]
        return changed or [*_answers(pair.own, peers, before)] or [Change("messages")]

    def _made_otherwise(self, pair: "_Pair") -> Iterator[Change]:
        """Give what of its texts and code changed by digest, with the files that changed since."""
        own, old = pair.own, pair.old
        if own.sources is not None and old.sources is not None:
            for kind, files in _KINDS.items():
                if getattr(own.sources, kind) != getattr(old.sources, kind):
                    yield Change("include" if kind == "includes" else kind, self._files(old.run_id, files))  # type: ignore[arg-type]
        if own.row_digest != old.row_digest:
            rows = self._history.inputs({own.row_digest, old.row_digest})
            new, then = rows.get(own.row_digest, {}), rows.get(old.row_digest, {})
            names = [name for name in {**new, **then} if new.get(name) != then.get(name)]
            if names:
                yield Change("row", ", ".join(names))

    def _files(self, before: str, kinds: tuple[FileKind, ...]) -> str:
        old, new = self._history.files(before), self._history.files(self._run.id)
        changed = [path for path, file in sorted(new.items()) if file.kind in kinds and old.get(path) != file]
        return ", ".join(changed)


@frozen
class _Pair:
    """A step, what it was before, and the requests on record, by the ids of their answers."""

    own: LoggedStep
    old: LoggedStep
    requests: Mapping[int, Asked]

    def without_request(self) -> Change | None:
        """Say what there was before in place of an answer; None: another request."""
        call, then = self.calls()
        if then is None:
            if self.old.status == "skipped":
                return Change("skipped")
            return Change("errored", self.old.error_kind or "") if self.old.status == "errored" else None
        if then.completion_id is None:
            return Change("errored", self.old.error_kind or "")
        if then.fingerprint != call.fingerprint:
            return None
        is_gone = self._asked(then) is None or then.completion_id == call.completion_id
        return Change("pruned") if is_gone else Change("unknown")

    def asked_otherwise(self) -> Iterator[Change]:
        call, then = self.calls()
        new, old = self._asked(call), self._asked(then)
        if new is not None and old is not None:
            yield from request_changes(old, new)
        elif self.own.model != self.old.model:
            yield Change("model", "model", self.old.model, self.own.model)

    def calls(self) -> tuple[StepCall, StepCall | None]:
        """Give the call that was the first to leave, and the one in its place before."""
        first, before = self.own.first_sent or 0, self.old.asked
        return self.own.asked[first], before[first] if first < len(before) else None

    def _asked(self, call: StepCall | None) -> Asked | None:
        found: Any = self.requests.get(call.completion_id or 0) if call is not None else None
        is_it = found is not None and call is not None and found.fingerprint == call.fingerprint
        return found if is_it else None  # the id of an answer that was pruned may be another's


def _answers(step: LoggedStep, peers: Peers, before: Peers) -> Iterator[Change]:
    """Give the steps before it in its trial that gave something else."""
    for path, peer in peers.items():
        then = before.get(path)
        if peer.place < step.place and (then is None or then.ended != peer.ended):
            yield Change("answer", path)
