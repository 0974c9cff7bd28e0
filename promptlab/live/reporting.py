"""Stored runs as reports see them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from promptlab.core.git import folder_in_repository
from promptlab.schemas.log import RunRecord
from promptlab.schemas.report import Origin, RunReport, RunSummary
from promptlab.schemas.run import TrialResult
from promptlab.services.rated_answers import RatedAnswers, RatedTrials
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from promptlab.services.summaries import SummaryService
from promptlab.services.trials import TrialService


def stored_summary(log: RunLog, run: RunRecord) -> RunSummary:
    """Give a stored run in numbers."""
    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        return SummaryService(session, runs=runs).of(run)


def with_slices(log: RunLog, summary: RunSummary, by: str | None) -> RunSummary:
    """Give a summary with the metrics by a column or `$tags`, if any is asked for. Raises UsageError."""
    if by is None:
        return summary
    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        slices = SummaryService(session, runs=runs).sliced(runs.find(summary.run_id), by)
    return replace(summary, slices=slices)


@contextmanager
def run_report(log: RunLog, summary: RunSummary, root: Path) -> Iterator[RunReport]:
    """Give a run's summary with its trials as a stream from the log; `root` is the project's."""
    run_id = summary.run_id
    with log.reading() as session:
        trials, runs = TrialService(session), RunService(session, is_running=log.is_running)
        run = runs.find(run_id)
        origin = Origin(run.path, folder_in_repository(root), lambda: runs.files(run_id))
        rated = RatedAnswers(session, run).of()
        yield RunReport(summary, lambda: _with_ratings(trials.of_run(run_id), rated), origin)


def _with_ratings(trials: Iterator[TrialResult], rated: RatedTrials) -> Iterator[TrialResult]:
    """Give trials, those that people rated with what they say."""
    for trial in trials:
        found = rated.get(trial.key.place)
        yield trial if found is None else replace(trial, ratings=found.told)
