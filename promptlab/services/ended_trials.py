"""How the trials of a stored run ended, without their steps and texts; whole ones when they are asked for."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Text, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.models import Trial
from promptlab.schemas.compared import Ended, TrialName
from promptlab.schemas.run import TrialKey, TrialResult
from promptlab.services.trials import ORDER, TrialService

_CHUNK = 1000
_TRIALS = Trial.__table__
_READ = [_TRIALS.c[name] for name in ("id", "row", "row_id", "cell", "variant", "repeat", "status")]
_TEXTS = [type_coerce(_TRIALS.c[name], Text).label(name) for name in ("axes", "outputs")]


class EndedTrialService:
    """Reads trials by name, some thousand in a blink."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_run(self, run_id: str) -> dict[TrialName, Ended]:
        """Give the trials of a run in order of row, cell and repeat."""
        query = select(*_READ, *_TEXTS).where(_TRIALS.c.run_id == run_id).order_by(*ORDER)
        axes: dict[str, Mapping[str, Any]] = {}
        found: dict[TrialName, Ended] = {}
        for trial in self._session.execute(query, execution_options={"yield_per": _CHUNK}):
            number, row, row_id, cell, variant, repeat, status, text, outputs = trial
            if cell not in axes:
                axes[cell] = dict(sorted(json.loads(text).items()))
            key = TrialKey(row=row, row_id=row_id, cell=cell, variant=variant, axes=axes[cell], repeat=repeat)
            found[row_id, cell, repeat] = Ended(id=number, key=key, status=status, outputs=hash(outputs))
        return found

    def whole(self, trials: Collection[Ended]) -> dict[TrialName, TrialResult]:
        """Give some of the trials with all that they hold."""
        found = TrialService(self._session).of_ids([trial.id for trial in trials])
        return {(one.key.row_id, one.key.cell, one.key.repeat): one for one in found}
