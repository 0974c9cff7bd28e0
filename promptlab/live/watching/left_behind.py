"""What runs that died left behind: requests that left, and may have been paid for without an answer."""

from collections.abc import Iterable, Iterator, Sequence

from promptlab.core.frozen import frozen
from promptlab.loader.project import Project
from promptlab.schemas.log import AttemptRecord, Senders
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService


@frozen
class Doubt:
    """Attempts of a run of the pipeline file `path`; `senders`: by fingerprint, whose they are."""

    path: str
    attempts: Sequence[AttemptRecord]
    senders: Senders


def left_in_doubt(project: Project, log: RunLog, paths: Iterable[str]) -> Iterator[Doubt]:
    """Give those of the newest run of each pipeline file, where there are any."""
    for path in paths:
        with log.reading() as session:
            attempts = RunService(session, is_running=log.is_running).doubtful_attempts(path)
        if attempts:
            from promptlab.live.senders import senders_of  # noqa: PLC0415 - seldom needed

            yield Doubt(path, attempts, senders_of(project, log, attempts[0].run_id, attempts))
