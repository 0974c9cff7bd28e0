"""Rows of small files are kept from the first reading; those of large ones are read again."""

from pathlib import Path

import pytest

from promptlab.core.frozen import replace
from promptlab.loader.dataset import MOST_KEPT, Dataset
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import DatasetSpec, InputSpec

CONTENTS = {
    "csv": 'q,$tags,$checks\nx,"[a]","[{icontains: x}]"\nx,,\n',
    "jsonl": '{"q":"x","$tags":["a"],"$checks":[{"icontains":"x"}]}\n{"q":"x","n":null}\n',
    "json": '[{"q":"x","$tags":["a"]},{"q":"x","n":null}]',
    "yaml": "- {q: x, $tags: [a]}\n- {q: x, n: null}\n",
}


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("kind", CONTENTS)
def test_kept_rows_are_those_of_a_second_reading(tmp_path: Path, kind: str, limit: int | None) -> None:
    """
    Given a small file of two rows of equal inputs,
    when its rows are asked for after the first reading,
    then they are what a second reading would give.
    """
    (tmp_path / f"a.{kind}").write_text(CONTENTS[kind])
    inputs = {"q": InputSpec("string")}
    data = Dataset(ProjectFiles(tmp_path), DatasetSpec(f"a.{kind}", limit=limit), inputs)
    scan = data.scan(Problems())
    assert scan is not None

    kept, again = list(data.rows(scan)), list(data.rows(replace(scan, kept=None)))

    assert scan.kept is not None
    assert kept == again
    assert len(kept) == (limit or 2)


@pytest.mark.parametrize("kind", CONTENTS)
def test_kept_rows_are_of_files_as_they_were(tmp_path: Path, kind: str) -> None:
    """
    Given a small file that was read and then changed,
    when its rows are asked for,
    then they are refused.
    """
    file = tmp_path / f"a.{kind}"
    file.write_text(CONTENTS[kind])
    data = Dataset(ProjectFiles(tmp_path), DatasetSpec(file.name))
    scan = data.scan(Problems())
    file.write_text(CONTENTS[kind].replace("x", "y"))

    with pytest.raises(FileError, match="has changed since its rows were checked"):
        next(data.rows(scan))


def test_rows_of_a_large_file_are_not_kept(tmp_path: Path) -> None:
    """
    Given a file of more bytes than are kept,
    when it is read,
    then none of its rows is.
    """
    (tmp_path / "a.jsonl").write_text('{"q":"x"}\n' + "\n" * MOST_KEPT)

    scan = Dataset(ProjectFiles(tmp_path), DatasetSpec("a.jsonl")).scan(Problems())

    assert scan is not None
    assert (scan.rows, scan.kept) == (1, None)
