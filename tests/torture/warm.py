"""A process that has imported everything: it forks commands, which then start within milliseconds.

It reads one JSON object a line: `{"start": {root, arguments, env, out, err, stop}}` gives the process id,
`{"wait": pid}` the exit code, negative for a signal. `stop`: the command stops itself (SIGSTOP) before it
begins, or when its run has begun and nothing of it has been sent; it goes on with SIGCONT.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.warm import import_all


def main() -> None:
    """Obey until stdin closes."""
    _prepare()
    say = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        answer = _start(order["start"]) if "start" in order else _end_of(order["wait"])
        say.write(f"{answer}\n")
        say.flush()


def _prepare() -> None:
    """Import everything, and build what is built at its first use; none of it is garbage."""
    import_all()
    from promptlab.loader.json_schema import pipeline_schema  # noqa: PLC0415

    pipeline_schema()
    gc.collect()
    gc.freeze()


def _start(order: dict[str, Any]) -> int:
    pid = os.fork()
    if not pid:
        os._exit(_become(order))
    if order["stop"]:
        os.waitpid(pid, os.WUNTRACED)
    return pid


def _end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(order: dict[str, Any]) -> int:
    """Be the command, in the child; give its exit code."""
    _redirect(order)
    if order["stop"] == "before":
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        code = _run_and_stop() if order["stop"] == "begun" else _command(order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001 - nothing may come back to the loop of the parent
        os.write(2, f"not caught: {error!r}\n".encode())
        return 99
    return code


def _redirect(order: dict[str, Any]) -> None:
    os.chdir(order["root"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has jobs of the background ignore it
    os.environ.clear()
    os.environ.update(order["env"])
    for name, number in (("/dev/null", 0), (order["out"], 1), (order["err"], 2)):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC * (number > 0)), number)


def _command(arguments: Sequence[str]) -> int:
    from promptlab.cli.boundary import run  # noqa: PLC0415

    return run(arguments)


def _run_and_stop() -> int:
    """Run the pipeline `words` as the command does; stop once the run is on record."""
    from promptlab.core.errors import PromptlabError  # noqa: PLC0415

    try:
        return _stopping_run()
    except PromptlabError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _stopping_run() -> int:
    from promptlab.live.project_log import open_log  # noqa: PLC0415
    from promptlab.live.running import RunRequest, run_loaded  # noqa: PLC0415
    from promptlab.loader.loading import load_pipeline  # noqa: PLC0415
    from promptlab.loader.project import open_project  # noqa: PLC0415

    path = Path("pipelines/words.yaml")
    project = open_project(str(path))
    targets = project.targets()
    loaded = load_pipeline(project.files, str(path), targets)
    request = RunRequest(max_concurrency=int(os.environ["IN_FLIGHT"]))
    with open_log(project) as log:
        running = run_loaded(project, loaded, targets, request, log=log, listeners=[_stop])
        return asyncio.run(running).exit_code


def _stop(event: object) -> None:
    if type(event).__name__ == "RunStarted":
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    main()
