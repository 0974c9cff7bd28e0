"""What runs that died left behind: requests that left, and may have been paid for without an answer."""

from collections.abc import Iterable, Iterator, Sequence

from promptlab.schemas.log import AttemptRecord
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService


def left_in_doubt(log: RunLog, paths: Iterable[str]) -> Iterator[tuple[str, Sequence[AttemptRecord]]]:
    """Give those of the newest run of each pipeline file, where there are any."""
    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        for path in paths:
            if attempts := runs.doubtful_attempts(path):
                yield path, attempts
