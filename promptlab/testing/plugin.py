"""The part of the pytest plugin that is there once `--promptlab` asked for it: one for a test session."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from promptlab.library import RunArguments
from promptlab.testing.collecting import PipelineFile, PipelineItem, is_pipeline
from promptlab.testing.sheets import Job, Outcome, Place, Sheets

SHARED = "promptlab_shared"


class PipelineTests:
    """Collects pipelines, and runs what is wanted of each once, when the first of its items is set up."""

    def __init__(self, config: pytest.Config) -> None:
        self.mode = config.getoption("--promptlab-mode")
        self.since: str | None = config.getoption("--promptlab-since")
        self.python_allowed = not config.getoption("--promptlab-no-python")
        self._sheets = Sheets(_shared_folder(config))
        self._folder: TemporaryDirectory[str] | None = None
        self._items: dict[Path, list[PipelineItem]] = {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if not is_pipeline(file_path, is_named=parent.session.isinitpath(file_path)):
            return None
        return PipelineFile.of(parent, file_path, self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = {item for item in items if isinstance(item, PipelineItem) and not item.is_affected}
        if left_out:
            config.hook.pytest_deselected(items=list(left_out))
            items[:] = [item for item in items if item not in left_out]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if isinstance(item, PipelineItem):
                self._items.setdefault(item.path, []).append(item)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where the workers share what they found."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="promptlab-pytest-")
        node.workerinput[SHARED] = self._folder.name

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def outcome(self, item: PipelineItem) -> Outcome:
        """Give how an item ended in the run of its pipeline; one that is set up again is run by itself."""
        if item.times > 1:
            return self._again(item)
        return self._sheets.sheet(item.path, lambda: self._job(item).run()).of(item.place)

    def _job(self, item: PipelineItem) -> Job:
        items = self._items.get(item.path, [item])
        return item.file.job(self._arguments(), _wanted(items))

    def _again(self, item: PipelineItem) -> Outcome:
        fresh = self.mode != "replay" and item.place is not None
        job = item.file.job({**self._arguments(), "fresh": fresh}, _wanted([item]))
        return job.run().of(item.place)

    def _arguments(self) -> RunArguments:
        return {"mode": self.mode, "python_allowed": self.python_allowed}


def _wanted(items: Sequence[PipelineItem]) -> frozenset[Place] | None:
    """Give the places that items of one pipeline need, None for all: gates are judged over all rows."""
    file, chosen = items[0].file, {one.place for one in items if one.place is not None}
    places = file.affected if any(one.place is None for one in items) else chosen
    return None if len(places) == file.size else frozenset(places)


def _shared_folder(config: pytest.Config) -> Path | None:
    """Give the folder that workers on this machine share; None where this process is the only one."""
    said = getattr(config, "workerinput", {}).get(SHARED)
    folder = Path(said) if said is not None else None
    return folder if folder is not None and folder.is_dir() else None
