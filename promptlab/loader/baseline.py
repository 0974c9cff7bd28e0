"""`baselines/<pipeline>.json`: a row a line, sorted, so that a review sees what moved."""

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from promptlab.core.json import JSON, plain
from promptlab.loader.document import parse_json
from promptlab.loader.files import ProjectFiles
from promptlab.loader.json_reader import add_fault, loads
from promptlab.loader.json_scanner import JsonFaultError
from promptlab.loader.problems import Problems
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError, Source
from promptlab.schemas.baseline import Baseline

FOLDER = "baselines"


def baseline_path(pipeline: str) -> str:
    """Give where the baseline of a pipeline lies, below the project's root."""
    return f"{FOLDER}/{pipeline}.json"


def baseline_text(baseline: Baseline) -> str:
    """Give the text of the file; equal baselines have equal texts, numbers are kept in full."""
    return "".join(_lines(baseline))


def _lines(baseline: Baseline) -> Iterator[str]:
    yield "{\n"
    for name in ("version", "pipeline", "run", "commit"):
        value: JSON = getattr(baseline, name)
        if value is not None:
            yield f'  "{name}": {plain(value)},\n'
    yield '  "cells": {' + ",".join(_cell(*cell) for cell in sorted(baseline.cells.items())) + "\n  }\n}\n"


def _cell(name: str, rows: dict[str, dict[str, float]]) -> str:
    lines = (f"\n      {plain(row)}: {plain(dict(sorted(rows[row].items())))}" for row in sorted(rows))
    return f"\n    {plain(name)}: {{{','.join(lines)}\n    }}"


def read_baseline(source: Source, pipeline: str, problems: Problems) -> Baseline | None:
    """Read the baseline of a pipeline; None where there is none, or it has problems.

    It is no source of a run, so nothing remembers that it was read.
    """
    files, path = ProjectFiles(source), baseline_path(pipeline)
    if not files.exists(path):
        return None
    found = read_baseline_file(files, path, problems)
    if found is not None and found.pipeline != pipeline:
        message = f"this is the baseline of '{found.pipeline}', not of '{pipeline}'"
        hint = f"`promptlab baseline update {pipeline}` writes that"
        problems.add(path, None, message, code="baseline", hint=hint)
        return None
    return found


def read_baseline_file(files: ProjectFiles, path: str, problems: Problems) -> Baseline | None:
    """Read one file; None, and its problems, where it is no baseline."""
    try:
        text = files.read_text(path, problems)
    except FileError as error:
        problems.add(path, None, error.message, code=error.code, hint=error.hint)
        return None
    return None if text is None else _baseline(path, text, problems)


def _baseline(path: str, text: str, problems: Problems) -> Baseline | None:
    try:
        return TypeAdapter(Baseline).validate_python(loads(SourceText(path, text)))
    except JsonFaultError as fault:
        add_fault(problems, fault)
    except ValidationError as error:
        _report(error, path, text, problems)
    return None


def _report(error: ValidationError, path: str, text: str, problems: Problems) -> None:
    from promptlab.loader import diagnosis  # noqa: PLC0415 - most baselines are right

    document = parse_json(path, text, problems)
    if document is not None:
        diagnosis.report(error, document, problems, Baseline)
