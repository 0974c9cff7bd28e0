"""What reading a dataset found, remembered for as long as its files are as they were."""

from collections import deque
from collections.abc import Mapping, Sequence

from promptlab.core.frozen import frozen, replace
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.document import Document
from promptlab.loader.files import FileSnapshot, FileStamp
from promptlab.loader.lacking import Lacking
from promptlab.loader.row_needs import RowNeed
from promptlab.loader.selection import Selection
from promptlab.schemas.dataset import DatasetSpec, InputSpec
from promptlab.schemas.template import Template

__all__ = ["Found", "KnownRows", "Question"]

MOST = 64
MOST_ROWS = 1_000  # of a reading, that are remembered with it


@frozen
class Question:
    """All on which hangs what a reading of rows finds: what is asked of which files, as they are now."""

    origin: DatasetSpec
    inputs: Mapping[str, InputSpec] | None
    where: Template | None
    needs: Sequence[RowNeed]
    files: Mapping[str, FileStamp]

    @classmethod
    def about(
        cls, dataset: Dataset, where: Template | None, needs: Sequence[RowNeed] = ()
    ) -> "Question | None":
        """Give the question; None where nothing short of reading them tells whether files have changed."""
        if isinstance(dataset.origin, Document):
            return None
        stamps = {path: dataset.files.stamp(path) for path in dataset.paths()}
        files = {path: stamp for path, stamp in stamps.items() if stamp is not None}
        if len(files) < len(stamps):
            return None
        return cls(dataset.origin, dataset.inputs, where, needs, files)


@frozen
class Found:
    """What a reading without any problem found; `snapshots` are of the files that were read."""

    scan: Scan
    selection: Selection | None
    lacking: Lacking
    snapshots: tuple[FileSnapshot, ...]
    rows_ask: bool = False


class KnownRows:
    """The last readings, each with what was asked."""

    def __init__(self) -> None:
        self._found: deque[tuple[Question, Found]] = deque(maxlen=MOST)

    def found(self, question: Question | None) -> Found | None:
        return next((found for asked, found in self._found if asked == question), None)

    def keep(self, question: Question | None, found: Found) -> None:
        """Remember a reading, unless it looked at files besides those of the question."""
        if question is None or found.scan.forms:
            return
        if len(found.scan.kept or ()) > MOST_ROWS:
            found = replace(found, scan=replace(found.scan, kept=None))
        self._found.append((question, found))
