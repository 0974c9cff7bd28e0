"""`promptlab judge-report`."""

from pathlib import Path

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs

RATINGS = "ratings"  # in place of a file: those in the log


@click.command(cls=Command, epilog="Example: promptlab judge-report last --human labels.csv")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option(
    "--human",
    default=RATINGS,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What people said: CSV or JSON lines with the columns `row_id` (or `row`) and `human`; unless said, "
    "the thumbs that they gave on the web page.",
)
@click.option("--check", metavar="NAME", help="The check to hold them beside, if several ask a model.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Labels are scores from 0 to 1; from this one up they pass.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(
    root: str | None, /, run: str, human: Path, check: str | None, threshold: float | None, *, as_json: bool
) -> None:
    """Say how far a judge of a run agrees with people: agreement, and Cohen's kappa.

    A label is pass or fail, true or false, 1 or 0. Columns `cell` (or `variant`), `repeat`, `check` and
    `step` say which answer it is of, where the row alone does not. Nothing is called.
    """
    from promptlab.cli.human_labels import labels_of_run  # noqa: PLC0415
    from promptlab.cli.judge_view import show_report  # noqa: PLC0415
    from promptlab.cli.opening import stored_run  # noqa: PLC0415
    from promptlab.loader.labels import read_labels  # noqa: PLC0415
    from promptlab.loader.problems import Problems  # noqa: PLC0415
    from promptlab.services.judge_report import JudgeReport  # noqa: PLC0415
    from promptlab.services.labelled_run import LabelledRun  # noqa: PLC0415
    from promptlab.services.verdicts import VerdictService  # noqa: PLC0415

    problems = Problems()
    labels = [] if human == Path(RATINGS) else read_labels(human, problems, threshold=threshold)
    problems.raise_errors()
    with stored_run(root, run) as (found, record):
        labels = labels or labels_of_run(found, record)
        labelled = LabelledRun(VerdictService(found.session).of_run(record.id), labels)
        compared = JudgeReport(labelled, record.id, check=check).compare(labels, problems)
    problems.raise_errors()
    show_report(record, compared, as_json=as_json)
