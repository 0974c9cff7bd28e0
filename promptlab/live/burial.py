"""What became of processes that died while they recorded: it is written down by the next one that records."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from promptlab.schemas.log import AttemptRecord
from promptlab.services.aside import AsideService
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService


def bury(session: Session, log: RunLog) -> None:
    """Count what the dead had sent without an answer as of unknown outcome, and take their locks away."""
    runs = RunService(session, is_running=log.is_running).mark_interrupted()
    others = AsideService(session).give_up_dead(log.lock_owners(), is_running=log.is_running)
    log.bury_locks([*runs, *others])


def left_by_checks(log: RunLog) -> Sequence[AttemptRecord]:
    """Give what a check that was killed left in doubt."""
    with log.writing() as session:
        bury(session, log)
        return AsideService(session).doubtful_attempts()
