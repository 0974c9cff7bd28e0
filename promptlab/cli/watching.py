"""A watch with all that surrounds it: its log, its view, its keys and its signals."""

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from promptlab.cli.watch_serving import ServedPage

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def watch(
    project: Project,
    references: Sequence[str],
    model: str | None,
    changes: Changes,
    request: RunRequest,
    *,
    as_json: bool,
    page: Mapping[str, object] | None = None,
) -> int:
    """Watch until somebody ends it; give the exit code. `page`: where to serve one, if it is to be."""
    paths = tuple(dict.fromkeys(project.pipeline(reference) for reference in references))
    loading = Loading(project, paths, model, changes)
    out, err, has_person = out_console(), progress_console(), has_keys()
    status = StatusLine(err, has_keys=has_person) if is_terminal(err) else None
    served = _page(project, page, request)
    view = WatchView(
        JsonReports() if as_json else LineReports(out), status, served.view if served is not None else None
    )
    tune_garbage_collection()
    with KeptLog(view.note) as logs:
        watched = Watch(
            loading, with_room(request, partial(click.echo, err=True)), logs, view, can_answer=has_person
        )
        try:
            return asyncio.run(_run(watched, served))
        finally:
            view.close()


def _page(project: Project, flags: Mapping[str, object] | None, request: RunRequest) -> "ServedPage | None":
    if flags is None:
        return None
    from promptlab.cli.watch_serving import served_page  # noqa: PLC0415 - few watches are served

    return served_page(project, flags, max_cost=request.max_cost)


async def _run(watched: Watch, served: "ServedPage | None") -> int:
    beside = served.beside(watched) if served is not None else nullcontext()
    with _signals_heeded(watched), keys_heard(watched):
        async with beside:
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
