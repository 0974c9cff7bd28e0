"""A pipeline as tests in Python use it, over `promptlab.load` and `promptlab.run`."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from promptlab.core.errors import UsageError
from promptlab.core.json import JSON
from promptlab.library import LoadedPipeline, PipelineChanges, RunArguments, load, run, run_async
from promptlab.schemas.dataset import Row
from promptlab.testing.results import Result, result_of

NOTE = "promptlab.testing"

type Mode = Literal["replay", "record", "live"]


def pipeline(
    reference: str | Path,
    *,
    mode: Mode = "replay",
    variant: str | None = None,
    model: str | None = None,
    set: Mapping[str, JSON] | None = None,  # noqa: A002 - as `promptlab.run` calls it
    project: str | Path | None = None,
    python_allowed: bool = True,
) -> "Pipeline":
    """Give a pipeline, by its path or name, to run single rows of; nothing is read before it is used.

    `mode`: `replay` answers from `recordings/` alone and calls nothing; `record` and `live` call models.
    `variant`: the variant or cell that is run, needed where there are several. `project`: the root, else that
    of the current folder. `model`, `set` and `python_allowed` are those of `promptlab.run`.
    """
    changes: PipelineChanges = {"project": project, "model": model, "set": set or {}}
    if variant is not None:
        changes["variants"] = [variant]
    return Pipeline(reference, changes, mode=mode, python_allowed=python_allowed)


class Pipeline:
    """Runs single rows of a pipeline; made by `promptlab.testing.pipeline`."""

    def __init__(
        self, reference: str | Path, changes: PipelineChanges, *, mode: Mode, python_allowed: bool
    ) -> None:
        self.reference = reference
        self._changes = changes
        self._how: RunArguments = {"mode": mode, "python_allowed": python_allowed, "note": NOTE}

    def __repr__(self) -> str:
        return f"<pipeline {self.reference}, {self._how['mode']}>"

    def rows(self) -> list[Row]:
        """Give the rows of its dataset, each with `id inputs columns tags`; raises InvalidPipeline.

        For `@pytest.mark.parametrize("row", pipeline("x").rows(), ids=lambda row: row.id)`.
        """
        return list(self._loaded.rows())

    def run(self, row: Row | None = None, /, **inputs: JSON) -> Result:
        """Run a row of `rows()`, or one that is made of these inputs; checks are judged in either case.

        Raises NotRecorded where a replay lacks an answer, InvalidPipeline and UsageError for what is wrong
        in the files or was asked, CannotGoOn where the run could not come to its end. In an async test,
        await `run_async`.
        """
        loaded, arguments = self._prepared(row, inputs)
        return result_of(run(self.reference, **arguments), loaded.path, loaded.spec.repeat.needed)

    async def run_async(self, row: Row | None = None, /, **inputs: JSON) -> Result:
        """Run a row, as `run` does, in a program that has an event loop."""
        loaded, arguments = self._prepared(row, inputs)
        report = await run_async(self.reference, **arguments)
        return result_of(report, loaded.path, loaded.spec.repeat.needed)

    @cached_property
    def _loaded(self) -> LoadedPipeline:
        return load(self.reference, **self._changes)

    def _prepared(self, row: Row | None, inputs: Mapping[str, JSON]) -> tuple[LoadedPipeline, RunArguments]:
        if row is not None and inputs:
            raise UsageError("a row of the dataset has its inputs; give the row, or inputs")
        if row is not None:
            loaded = self._loaded
            repeats = range(loaded.spec.repeat.count)
            trials = [(row.id, self._cell(loaded), repeat) for repeat in repeats]
            return loaded, {**self._how, **self._changes, "trials": trials}
        changes: PipelineChanges = {**self._changes, "inputs": inputs}
        loaded = load(self.reference, **changes)
        self._cell(loaded)
        return loaded, {**self._how, **changes}

    def _cell(self, loaded: LoadedPipeline) -> str:
        names = [cell.name for cell in loaded.cells]
        if len(names) > 1:
            hint = f"say variant=; there are {', '.join(names)}"
            raise UsageError(f"{loaded.path} has {len(names)} variants, and one is run at a time; {hint}")
        return names[0]
