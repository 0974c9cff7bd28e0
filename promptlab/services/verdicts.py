"""What the checks of a run said, without the trials around them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.models import Trial, Verdict
from promptlab.schemas.run import TrialKey, VerdictStatus
from promptlab.services.trials import ORDER

_CHUNK = 1000
_TRIALS, _VERDICTS = Trial.__table__, Verdict.__table__


@frozen(kw_only=True)
class StoredVerdict:
    """One verdict of a trial. `judge`: the model that was asked for it, None where none was."""

    trial: TrialKey
    step: str | None
    name: str
    type: str
    status: VerdictStatus
    score: float
    reason: str
    judge: str | None


class VerdictService:
    """Reads verdicts a chunk at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_run(self, run_id: str) -> Iterator[tuple[TrialKey, StoredVerdict | None]]:
        """Give the trials in their order, each with its verdicts one by one; None where it has none."""
        columns = (
            *(_TRIALS.c[name] for name in ("row", "row_id", "cell", "variant", "axes", "repeat")),
            *(_VERDICTS.c[name] for name in ("step", "name", "type", "status", "score", "reason", "asked")),
        )
        joined = _TRIALS.outerjoin(_VERDICTS, _VERDICTS.c.trial_id == _TRIALS.c.id)
        query = select(*columns).select_from(joined).where(_TRIALS.c.run_id == run_id)
        ordered = query.order_by(*ORDER, _VERDICTS.c.position)
        for found in self._session.execute(ordered, execution_options={"yield_per": _CHUNK}):
            key = _key(found)
            yield key, None if found.name is None else _verdict(key, found)


def _key(found: Found[Any]) -> TrialKey:
    return TrialKey(
        row=found.row,
        row_id=found.row_id,
        cell=found.cell,
        variant=found.variant,
        axes=dict(sorted(found.axes.items())),
        repeat=found.repeat,
    )


def _verdict(key: TrialKey, found: Found[Any]) -> StoredVerdict:
    asked = found.asked if isinstance(found.asked, dict) else {}
    return StoredVerdict(
        trial=key,
        step=found.step,
        name=found.name,
        type=found.type,
        status=found.status,
        score=found.score,
        reason=found.reason,
        judge=asked.get("model"),
    )
