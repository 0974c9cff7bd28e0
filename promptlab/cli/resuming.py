"""Resumes a run and shows it; says first what may be asked, and paid for, again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from promptlab.cli.console import out_console
from promptlab.cli.outfiles import OutFiles, out_paths
from promptlab.cli.result import Failures, show_result
from promptlab.cli.running import Wanted, run_pipelines
from promptlab.cli.unknown import doubt_lines
from promptlab.core.display import escaped
from promptlab.core.json import plain
from promptlab.live.project_log import open_log
from promptlab.live.reporting import stored_summary
from promptlab.live.resuming import ClaimedRun, How, Resumable, claimed, prepared
from promptlab.live.senders import senders_of
from promptlab.loader.project import Project
from promptlab.schemas.events import TrialFinished
from promptlab.services.run_log import RunLog
from promptlab.services.trials import TrialService


def resume(
    project: Project, reference: str, how: How, *, outs: Sequence[str], as_json: bool, fail_exit_code: int
) -> int:
    """Finish a run; one that is complete is shown as it is."""
    with open_log(project, create=False) as log, claimed(log, reference) as claim:
        if claim.is_complete:
            click.echo(f"run {claim.run.id} is complete: nothing is left to do", err=True)
            code = _show(log, claim, outs, project.root, as_json=as_json)
            return fail_exit_code if code == 1 else code
        found = prepared(project, log, claim, how)
        for line in _announcement(claim, found, log):
            click.echo(escaped(line), err=True)
        wanted = Wanted(request=found.request, outs=outs, as_json=as_json, fail_exit_code=fail_exit_code)
        return run_pipelines(found.project, [(found.loaded, found.targets)], wanted)


def _announcement(claim: ClaimedRun, found: Resumable, log: RunLog) -> Iterator[str]:
    run = claim.run
    yield f"{run.pipeline}: run {run.id} goes on: {run.done - run.errored:,} of {run.planned:,} are on record"
    if claim.doubtful:
        senders = senders_of(found.project, log, run.id, claim.doubtful, found)
        yield from doubt_lines(claim.doubtful, found.request.on_unknown, senders)


def _show(log: RunLog, claim: ClaimedRun, outs: Sequence[str], root: Path, *, as_json: bool) -> int:
    summary, failures = stored_summary(log, claim.run), Failures()
    with log.reading() as session, OutFiles(*out_paths(outs, [claim.run.pipeline])) as files:
        for trial in TrialService(session).of_run(claim.run.id):
            failures.add(trial)
            files(TrialFinished(trial))
        files.finish(summary, log, root)
    if as_json:
        click.echo(plain(summary.as_json()))
    else:
        show_result(out_console(), summary, failures)
    return summary.exit_code
