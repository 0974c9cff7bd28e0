"""Keeps `.promptlab/pipeline.schema.json`, by which editors complete and check pipelines.

It is the committed one, unless another package brings kinds of its own: making it takes half a second.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from promptlab.core.files import OWN_FOLDER, own_folder, private_file
from promptlab.core.json import JSON, digest
from promptlab.core.version import own_version
from promptlab.engine.catalog import CHECKS, METRICS, STEPS

FILE = "pipeline.schema.json"
STAMP = "$comment"
MARKS = ("promptlab.yaml", "pipelines")
PACKAGES = ("site-packages", "dist-packages")


def keep_schema_file(root: Path) -> None:
    """Write the schema into a project where it is missing or old; where that cannot be, never mind."""
    path = root / OWN_FOLDER / FILE
    with suppress(OSError):
        if any((root / mark).exists() for mark in MARKS) and not _is_current(path):
            _write(path)


def _is_current(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return _stamp() in file.read(200)


def _write(path: Path) -> None:
    own_folder(path.parent)
    new = private_file(path.with_suffix(f".{os.getpid()}"))
    new.write_text(_text(_stamp()), encoding="utf-8")
    new.replace(path)


@lru_cache(maxsize=1)
def _text(stamp: str) -> str:
    """Give the schema with its stamp; a process that has many projects does so once."""
    schema = _committed() or _made()
    return f"{{{json.dumps(STAMP)}: {json.dumps(stamp)}, {schema.removeprefix('{')}"


def _committed() -> str | None:
    """Give the text that `promptlab schema` printed, None where it is not all that there is to say."""
    own = all(kinds.names() == kinds.own for kinds in (STEPS, CHECKS, METRICS))
    return committed_schema().read_text(encoding="utf-8") if own and committed_schema().is_file() else None


def committed_schema() -> Path:
    """Give where it lies: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "docs" / FILE
    return inside if inside.exists() else package.parent / "docs" / FILE


def _made() -> str:
    from promptlab.loader.json_schema import pipeline_schema  # noqa: PLC0415 - slow, and seldom needed

    return json.dumps(pipeline_schema())


def _stamp() -> str:
    """Say by what a schema was made: this version, its kinds of steps and checks, and the packages beside it.

    Those may bring kinds; when their folder changed last says enough, and takes no 7 ms to find out.
    """
    made_by = digest([STEPS.own, CHECKS.own, *_installed()])
    return f"promptlab {own_version()} {made_by[:12]}"


def _installed() -> Iterator[JSON]:
    for folder in map(Path, sys.path):
        if folder.name in PACKAGES and folder.is_dir():
            yield [str(folder), folder.stat().st_mtime_ns]
