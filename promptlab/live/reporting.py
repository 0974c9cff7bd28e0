"""Stored runs as reports see them."""

from collections.abc import Iterator
from contextlib import contextmanager

from promptlab.schemas.report import RunReport, RunSummary
from promptlab.services.run_log import RunLog
from promptlab.services.trials import TrialService


@contextmanager
def run_report(log: RunLog, summary: RunSummary) -> Iterator[RunReport]:
    """Give a run's summary with its trials as a stream from the log."""
    with log.reading() as session:
        trials = TrialService(session)
        yield RunReport(summary, lambda: trials.of_run(summary.run_id))
