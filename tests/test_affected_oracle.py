"""No false negative: what really differs after an edit made by chance is always among what is affected."""

from pathlib import Path
from random import Random

import pytest

from promptlab.live.affected.finding import Since, find_affected
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.problems import Problems
from promptlab.loader.project import open_project
from promptlab.services.git import base_of
from tests.affected_kit import Repository
from tests.affected_oracle import PIPELINE, Trials, answered, edited, outcomes, project

EDITS = 5


def load(repository: Repository) -> LoadedPipeline | None:
    opened = open_project(root=repository.project)
    files = ProjectFiles(repository.project)
    return check_pipeline(files, PIPELINE, opened.targets(), Problems())


def write(repository: Repository, files: dict[str, str]) -> None:
    for path, text in files.items():
        repository.write(path, text)


def run(repository: Repository) -> Trials:
    loaded = load(repository)
    assert loaded is not None
    rows = list(loaded.rows())
    return outcomes(answered(loaded), rows)


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 12), marks=pytest.mark.thorough)])
def test_what_differs_is_affected_and_little_else(tmp_path: Path, seeds: range) -> None:
    """
    Given projects and edits made by chance,
    when both sides are run and compared trial by trial,
    then each trial that differs is affected, and far fewer others are than by the paths of changed files.
    """
    too_many, by_paths, differing = 0, 0, 0
    for seed in seeds:
        random = Random(seed)
        made = project(random)
        repository = Repository(tmp_path / str(seed)).start(made.files())
        before = run(repository)
        for _ in range(EDITS):
            changed, names = edited(made, random)
            write(repository, changed.files())
            head = load(repository)
            if head is None:
                continue
            found = find_affected(open_project(root=repository.project), [head], Since(ref="HEAD"))
            trials = found.trials[PIPELINE]
            after = run(repository)
            really = {trial for trial, outcome in after.items() if before.get(trial) != outcome}
            affected = {trial for trial in after if trials.has(*trial)}

            assert really - affected == set(), (seed, names)

            differing += len(really)
            too_many += len(affected - really)
            touched = base_of(repository.root, "HEAD").changed & head.files.files_read.keys()
            by_paths += len(after.keys() - really) if touched else 0

    assert differing > 0
    assert too_many * 3 < by_paths
