"""Make .venv ready for `make demo` or `make test`: quick when nothing changed, whole when interrupted."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = VENV / "promptlab-setup.json"
BUILD = ROOT / "build"
LOG = BUILD / "setup.log"

PIP = (PYTHON, "-I", "-m", "pip", "install")
FROM_LOCK = ("--only-binary", ":all:", "--require-hashes", "-r")
THIS_PROJECT = ("--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT)

HINTS = {
    ".venv": "This Python makes no virtual environment; name another: make {goal} PYTHON=/path/to/python3.12",
    "packages": "If pip reaches no package index, mend that (`pip config list`). Then: `make {goal}` again.",
    "project": "If pyproject.toml is as it should be, `make clean` and then `make {goal}` start over.",
}

type Argument = str | Path
type State = dict[str, str | bool]


class StepFailedError(Exception):
    """A step of the set-up ended with an error; the log says why."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


def main(profile: str) -> int:
    goal = {"all": "test"}.get(profile, profile)
    try:
        with only_one_at_a_time() as lock:
            set_up(profile, lock)
    except StepFailedError as failure:
        explain(failure.step, goal)
        return 1
    except KeyboardInterrupt:
        say(f"\nInterrupted. `make {goal}` starts the set-up over.\n")
        return 130
    return 0


def set_up(profile: str, lock: TextIO) -> None:
    state = read_state()
    if any(state.get(name) == fingerprint(name) for name in (profile, "all")) and base_is_ours():
        return
    LOG.write_text("")
    if state.get("unfinished") or not base_is_ours() or not has_pip():
        make_venv(lock)
    write_state({"unfinished": True})
    install(profile, lock)
    write_state({profile: fingerprint(profile)})


def make_venv(lock: TextIO) -> None:
    doing = "is made again" if VENV.exists() else "is made"
    remove(VENV)
    run(".venv", f"{doing} with {sys.executable}", (sys.executable, "-I", "-m", "venv", VENV), lock)


def install(profile: str, lock: TextIO) -> None:
    requirements = requirements_of(profile)
    count = sum(line[:1].isalnum() for line in requirements.read_text().splitlines())
    run("packages", f"{count} from {requirements.name}", (*PIP, *FROM_LOCK, requirements), lock)
    run("project", "promptlab itself", (*PIP, *THIS_PROJECT), lock)


def run(step: str, doing: str, command: Sequence[Argument], lock: TextIO) -> None:
    """Run one step; its child holds the lock too, so that the next set-up waits for one that outlives us."""
    say(f"{step:<9} {doing} … ")
    began = time.monotonic()
    with LOG.open("a") as log:
        done = subprocess.run(
            command, check=False, stdout=log, stderr=log, env=environment(), pass_fds=[lock.fileno()]
        )
    if done.returncode:
        say("failed\n")
        raise StepFailedError(step)
    say(f"{time.monotonic() - began:.1f} s\n")


def explain(step: str, goal: str) -> None:
    with LOG.open(errors="replace") as log:
        end = "".join(f"    {line}" for line in deque(log, maxlen=15))
    say(f"\nmake {goal}: the step `{step}` failed. The end of {LOG.relative_to(ROOT)}:\n{end}\n")
    say(HINTS[step].format(goal=goal) + "\n")


def requirements_of(profile: str) -> Path:
    return ROOT / f"requirements-{profile}.txt"


def fingerprint(profile: str) -> str:
    """Name all that the set-up depends on: another name calls for another set-up."""
    files = (ROOT / "pyproject.toml", requirements_of(profile), Path(__file__))
    parts = [str(ROOT), sys.version, *(file.read_text() for file in files)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def base_is_ours() -> bool:
    """Tell whether .venv's Python runs, and is a child of the one that runs this."""
    base = ask(PYTHON, "-I", "-S", "-c", "import sys; print(sys._base_executable)")
    return base is not None and Path(base).resolve() == Path(sys.executable).resolve()


def has_pip() -> bool:
    return ask(PYTHON, "-I", "-m", "pip", "--version") is not None


def ask(*command: Argument) -> str | None:
    """Return what a command prints, or nothing where it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def environment() -> dict[str, str]:
    """Return the user's environment less what would send packages elsewhere than to .venv."""
    astray = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN", "PIP_PYTHON")
    kept = {name: value for name, value in os.environ.items() if name not in astray}
    return kept | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def read_state() -> State:
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(state: State) -> None:
    new = STATE.with_suffix(".new")
    new.write_text(json.dumps(state))
    new.replace(STATE)


def remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


@contextmanager
def only_one_at_a_time() -> Iterator[TextIO]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another set-up of this folder is still at work; waiting for it.\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
