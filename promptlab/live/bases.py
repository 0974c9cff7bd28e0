"""What the gates of a pipeline are held against."""

from collections.abc import Mapping

from promptlab.analysis.regression import Base
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.problems import Problems
from promptlab.schemas.gate import BASELINE


def bases_of(loaded: LoadedPipeline) -> Mapping[str, Base]:
    """Give the bases that gates name and that are at hand. Raises InvalidPipeline for a broken baseline."""
    if not any(gate.against == BASELINE for gate in loaded.spec.gates):
        return {}
    from promptlab.loader.baseline import baseline_path, read_baseline  # noqa: PLC0415 - few pipelines have one

    problems = Problems()
    found = read_baseline(loaded.files.source, loaded.name, problems)
    problems.raise_errors()
    if found is None:
        command = f"`promptlab baseline update {loaded.path}` writes it"
        return {BASELINE: Base(missing=f"there is no {baseline_path(loaded.name)} yet; {command}")}
    return {BASELINE: Base(found.cells)}
