"""A watch with all that surrounds it: its log, its view, its keys and its signals."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import click

from promptlab.cli.console import is_terminal, out_console, progress_console
from promptlab.cli.keys import has_keys, keys_heard
from promptlab.cli.status_line import StatusLine
from promptlab.cli.watch_view import JsonReports, LineReports, WatchView
from promptlab.core.collector import tune_garbage_collection
from promptlab.live.open_files import with_room
from promptlab.live.running import RunRequest
from promptlab.live.watching.loading import Loading
from promptlab.live.watching.log_keeping import KeptLog
from promptlab.live.watching.watch import Watch
from promptlab.loader.changes import Changes
from promptlab.loader.project import Project

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def watch(
    project: Project,
    references: Sequence[str],
    model: str | None,
    changes: Changes,
    request: RunRequest,
    *,
    as_json: bool,
) -> int:
    """Watch until somebody ends it; give the exit code."""
    paths = tuple(dict.fromkeys(project.pipeline(reference) for reference in references))
    loading = Loading(project, paths, model, changes)
    out, err, has_person = out_console(), progress_console(), has_keys()
    status = StatusLine(err, has_keys=has_person) if is_terminal(err) else None
    view = WatchView(JsonReports() if as_json else LineReports(out), status)
    tune_garbage_collection()
    with KeptLog(view.note) as logs:
        watched = Watch(
            loading, with_room(request, partial(click.echo, err=True)), logs, view, can_answer=has_person
        )
        try:
            return asyncio.run(_run(watched))
        finally:
            view.close()


async def _run(watched: Watch) -> int:
    with _signals_heeded(watched), keys_heard(watched):
        return await watched.run()


@contextmanager
def _signals_heeded(watched: Watch) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows has Ctrl-C alone
        for number in ENDING:
            loop.add_signal_handler(number, watched.ending.interrupt, number)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for number in ENDING:
                loop.remove_signal_handler(number)
