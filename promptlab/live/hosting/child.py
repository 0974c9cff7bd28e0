"""`python -m promptlab.live.hosting.child`: one run, told by a server over stdin and telling it over stdout.

The first line is the order; `cancel` is as Ctrl-C; the end of stdin, which comes however the server ended, is
as SIGTERM: no new call leaves, those in flight are awaited and recorded, and the run can be resumed.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from io import FileIO
from typing import Any

from promptlab.core.collector import tune_garbage_collection
from promptlab.core.errors import Conflict, Interrupted, PromptlabError
from promptlab.live.hosting.hosted import Hosted
from promptlab.live.hosting.order import CANCEL, Order
from promptlab.live.hosting.outlet import Outlet
from promptlab.live.hosting.telling import Telling
from promptlab.live.open_files import most_at_once, with_room
from promptlab.live.playground.tried import Tried
from promptlab.live.project_log import open_log
from promptlab.live.resuming import How, Resumable, claimed, prepared
from promptlab.live.running import RunRequest, require_runnable, run_loaded
from promptlab.live.said import changes_said, request_said
from promptlab.live.since import since
from promptlab.loader.loading import load_pipeline
from promptlab.loader.problems import InvalidPipeline, Problem, Problems
from promptlab.loader.project import Project, open_project
from promptlab.services.run_log import RunLog

MOST_PROBLEMS = 100


def main() -> int:
    """Run what the first line orders; give the exit code of it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outlet, told = Outlet.of_stdout(), FileIO(os.dup(0))
    order = Order.of_line(told.readline())
    threading.Thread(target=_heed, args=(told,), daemon=True).start()
    try:
        return _run(order, outlet)
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except PromptlabError as error:
        outlet.tell("refused", **refusal(error))
        return error.exit_code


def _heed(told: FileIO) -> None:
    """Turn what the server says into the signals that a run heeds."""
    main_thread = threading.main_thread().ident or 0
    while (line := told.readline()) == CANCEL:
        signal.pthread_kill(main_thread, signal.SIGINT)
    if not line:
        signal.pthread_kill(main_thread, signal.SIGTERM)


def _run(order: Order, outlet: Outlet) -> int:
    project = open_project(root=order.root)
    if order.pipeline is not None:
        with open_log(project) as log:
            return _go(_new(project, order, order.pipeline), log, order, outlet)
    with open_log(project, create=False) as log, claimed(log, order.run_id) as claim:
        if claim.is_complete:
            raise Conflict(f"run {order.run_id} is complete: nothing is left to do")
        return _go(prepared(project, log, claim, How(**order.how)), log, order, outlet)


def _new(project: Project, order: Order, pipeline: str) -> Resumable:
    if order.tried is not None:
        return _tried(project, order, order.tried)
    options: Mapping[str, Any] = order.said
    targets, changes = project.targets(), changes_said(options)
    loaded = load_pipeline(project.files, project.pipeline(pipeline), targets, changes)
    request: RunRequest = replace(
        request_said(options),
        fail_fast=bool(options.get("fail_fast")),
        note=options.get("note"),
        said=options,
    )
    return Resumable(
        project=project,
        loaded=loaded,
        targets=targets,
        request=since(project, [loaded], request, None, changes),
    )


def _tried(project: Project, order: Order, tried: Tried) -> Resumable:
    """Give the run of one row with an edited prompt, which it streams."""
    options: Mapping[str, Any] = order.said
    project, problems = tried.over(project), Problems()
    targets = project.targets()
    loaded = tried.load(project, targets, problems)
    if loaded is None:
        raise InvalidPipeline(problems)
    request = replace(request_said(options), note=options["note"], streams=True, said=options)
    return Resumable(project=project, loaded=tried.alone(loaded), targets=targets, request=request)


def _go(found: Resumable, log: RunLog, order: Order, outlet: Outlet) -> int:
    hosted = Hosted(run_id=order.run_id, allowed=order.allowed, made_with=order.made_with)
    request = with_room(replace(found.request, hosted=hosted), _say, most=most_at_once([found.loaded]))
    require_runnable(found.project, found.loaded, request)
    tune_garbage_collection()
    return asyncio.run(_told(replace(found, request=request), log, Telling(outlet, log, order.run_id)))


async def _told(found: Resumable, log: RunLog, telling: Telling) -> int:
    async with telling:
        summary = await run_loaded(
            found.project,
            found.loaded,
            found.targets,
            found.request,
            log=log,
            listeners=(telling,),
            counts=telling.counts,
        )
    telling.ended(summary)
    return summary.exit_code


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def refusal(error: PromptlabError) -> dict[str, Any]:
    problems = [_problem(one) for one in _some(error)]
    return {"error": type(error).__name__, "message": str(error), "hint": error.hint, "problems": problems}


def _some(error: PromptlabError) -> Sequence[Problem]:
    return [*error.problems][:MOST_PROBLEMS] if isinstance(error, InvalidPipeline) else ()


def _problem(problem: Problem) -> dict[str, Any]:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    return {"where": place, "message": problem.message, "hint": problem.hint, "code": problem.code}


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
