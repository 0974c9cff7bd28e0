"""Holds validation to a corpus of malformed files: what is wrong is told, nothing breaks, nothing leaks."""

import csv
import re
from pathlib import Path

import pytest

from promptlab.core.config import settle
from promptlab.core.environment import Environment
from promptlab.loader.files import ProjectFiles
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problem_formats import as_text
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.loader.validating import Validation

CORPUS = Path(__file__).parent / "corpus"
WRONG = ("REJECT", "LIMIT")
SECRETS = ("sk-proj-AAAA", "hunter2")


def expectations() -> dict[str, str]:
    """Give the expected class of each file by its path in the corpus."""
    with (CORPUS / "index.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row["expected"].split()[0] for row in rows}


EXPECTED = expectations()


def validated(path: Path) -> Problems:
    files = ProjectFiles(path.parent)
    project = Project(path.parent, files, settle(None, environment=Environment()))
    with LoadingMemory() as memory:
        return Validation(project, memory).file(str(path)).problems


def test_the_corpus_is_whole() -> None:
    """
    Given the index of the corpus,
    when its files are counted,
    then all are there.
    """
    missing = [name for name in EXPECTED if not (CORPUS / name).is_file()]

    assert (len(EXPECTED), missing) == (158, [])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_malformed_file_is_told_with_its_place(name: str) -> None:
    """
    Given a file that is malformed, hostile, or only looks so,
    when it is validated by itself,
    then what is wrong is told with file, line and column, and no secret or escape sequence shows.
    """
    path = CORPUS / name

    problems = validated(path)

    shown = as_text(problems)
    assert not any(secret in shown for secret in SECRETS)
    assert "\x1b" not in shown
    if EXPECTED[name] in WRONG:
        assert re.search(rf"^{re.escape(path.name)}:\d+:\d+: error: \S", shown, re.MULTILINE)
