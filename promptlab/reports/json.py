"""JSON: the summary with all trials, one document."""

from collections.abc import Iterator

from promptlab.core.json import plain
from promptlab.reports.trial_line import trial_object
from promptlab.schemas.report import RunReport


def report(source: RunReport) -> Iterator[str]:
    """Give the run's summary as `run --json` prints it, with its trials under `results`."""
    yield f'{plain(source.summary.as_json())[:-1]}, "results": ['
    for index, trial in enumerate(source.trials()):
        yield f"{',' if index else ''}\n  {plain(trial_object(trial))}"
    yield "\n]}\n"
