"""strace as a hand in the system calls of a command: it kills at one, or lets it fail."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.torture.commands import Command

_ATTACHED_WITHIN = 20


@cache
def why_untraceable() -> str | None:
    """Say why no command can be traced here, None where it can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    attempt = [strace, "-f", "-e", "trace=close", "-e", "inject=fdatasync:error=EIO:when=1000", "true"]
    done = subprocess.run(attempt, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    first = done.stderr.strip().partition("\n")[0]
    return f"strace may not trace here ({first}); containers need --cap-add=SYS_PTRACE"


@contextmanager
def traced(
    command: Command,
    calls: str,
    inject: str,
    *,
    said: Path | None = None,
    also: str = "",
    on: Path | None = None,
) -> Iterator[None]:
    """Do something at system calls of a stopped command, and let it go on.

    `calls`: names joined by commas; `inject`: as strace has it, `signal=SIGKILL:when=3`, where each thread
    counts its own calls. What strace saw of these calls, and of those in `also`, is in the file `said`; `on`:
    calls on this file alone.
    """
    options = ["-f", "-y", "-qq", "-o", str(said or "/dev/null"), "-e", f"trace={calls},{also}".rstrip(",")]
    options += ["-P", str(on)] if on else []
    attach = ["strace", *options, "-e", f"inject={calls}:{inject}", "-p", str(command.pid)]
    with subprocess.Popen(attach, stderr=subprocess.PIPE, text=True) as tracer:
        _wait_for_tracer(command.pid)
        command.go()
        yield
        tracer.terminate()


def _wait_for_tracer(pid: int) -> None:
    deadline = time.monotonic() + _ATTACHED_WITHIN
    while any(_tracer_of(task) == 0 for task in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"strace did not attach to {pid}")
        time.sleep(0.002)


def _tracer_of(task: Path) -> int:
    found = re.search(r"^TracerPid:\s*(\d+)", (task / "status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
