"""Whether a run may do without the project's python."""

from collections.abc import Iterator

from promptlab.core.errors import UsageError
from promptlab.engine.check import Check
from promptlab.engine.checks.python import PythonCheck
from promptlab.engine.metrics.python import PythonMetric
from promptlab.loader.loading import LoadedPipeline


def require_leave(loaded: LoadedPipeline, *, python_allowed: bool, replays: bool) -> None:
    """Raise UsageError where python would run and must not; a replay has recordings of steps and tools."""
    if python_allowed:
        return
    if replays:
        code = sorted(set(_judging(loaded)))
        if code:
            hint = "what steps and tools gave is recorded; what judges and measures runs anew each time"
            raise UsageError(f"--no-python, but {loaded.path} judges by {', '.join(code)}", hint=hint)
        return
    python = sorted(path for path in loaded.files.files_read if path.endswith(".py"))
    if python:
        raise UsageError(f"--no-python, but {loaded.path} runs {', '.join(python)}")


def _judging(loaded: LoadedPipeline) -> Iterator[str]:
    """Give the functions that checks and metrics call."""
    for cell in loaded.cells:
        for planned in cell.all_steps():
            yield from _called(*planned.step.checks, *planned.step.inner_checks)
        yield from _called(*cell.checks)
        for metric in cell.spec.metrics:
            if isinstance(metric, PythonMetric):
                yield metric.python.reference


def _called(*checks: object) -> Iterator[str]:
    for check in checks:
        if isinstance(check, PythonCheck):
            yield check.value.reference
        elif isinstance(check, Check) and isinstance(members := getattr(check, "value", None), tuple):
            yield from _called(*members)
