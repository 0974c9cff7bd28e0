"""Which rows are run: patterns of files, `where`, `sample`, `limit`, and what the command adds to them."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.errors import CannotGoOn
from promptlab.loader.changes import Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.globbing import files_matching
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from promptlab.loader.selection import Chooser
from promptlab.loader.sources import FileError, Memory
from tests.cli_kit import Cli
from tests.loading_kit import Loaded, load

ROWS = [
    {"id": f"r{number}", "word": f"w{number}", "label": "ab"[number % 2], "a b": number}
    for number in range(20)
]
IDS = st.lists(st.text(min_size=1, max_size=6), unique=True, min_size=1, max_size=60)


PLAIN = """\
version: 1
dataset: rows.jsonl
steps: [{id: say, messages: [{role: user, content: "{{ word }}"}]}]
"""


def jsonl(rows: list[dict[str, object]]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def loaded(dataset: str, where: str | None = None, **files: str) -> Loaded:
    """Load a pipeline over `ROWS`, or these files."""
    pipeline = f"""\
        version: 1
        inputs: {{word: string}}
        dataset: {dataset}
        steps: [{{id: say, messages: [{{role: user, content: "{{{{ word }}}}"}}]}}]
    """
    contents = {"data/rows.jsonl": jsonl(ROWS), **{f"data/{name}": text for name, text in files.items()}}
    return load(pipeline, contents, Changes(where=where))


def indexes(found: Loaded) -> list[int]:
    return [row.index for row in found.ready.rows()]


def chosen(ids: list[str], sample: float | None, *, seed: int = 0, limit: int | None = None) -> list[str]:
    chooser = Chooser(sample, seed, limit)
    for index, row_id in enumerate(ids):
        chooser.take(index, row_id)
    selection = chooser.selection()
    assert selection.count == sum(index in selection for index in range(len(ids)))
    return [row_id for index, row_id in enumerate(ids) if index in selection]


def test_where_takes_the_rows_for_which_it_holds() -> None:
    """
    Given a `where` over an input, another column and one whose name is no name,
    when the pipeline is loaded,
    then the rows for which it holds are run, in order, each with its number in the whole dataset.
    """
    where = """word != 'w4' and label == 'a' and row["a b"] < 9"""

    found = loaded(f"{{path: data/rows.jsonl, where: {json.dumps(where)}}}")

    assert indexes(found) == [0, 2, 6, 8]
    assert (found.ready.row_count, found.ready.scan and found.ready.scan.rows) == (4, 20)


def test_where_then_sample_then_limit() -> None:
    """
    Given all three,
    when the pipeline is loaded,
    then the sample is one of the rows for which `where` holds, and the limit takes its first.
    """
    where = "where: label == 'a'"

    whole = indexes(loaded(f"{{path: data/rows.jsonl, {where}, sample: 5}}"))
    limited = indexes(loaded(f"{{path: data/rows.jsonl, {where}, sample: 5, limit: 2}}"))
    share = indexes(loaded(f"{{path: data/rows.jsonl, {where}, sample: 0.5}}"))

    assert (len(whole), limited, share) == (5, whole[:2], whole)
    assert all(index % 2 == 0 for index in whole)
    assert whole != indexes(loaded(f"{{path: data/rows.jsonl, {where}, sample: 5, seed: 1}}"))


def test_the_sample_is_the_same_on_every_machine() -> None:
    """
    Given ids and seeds,
    when a sample is taken,
    then it is the one that was taken when this was written.
    """
    ids = [f"row-{number}" for number in range(10)]

    assert chosen(ids, 3) == ["row-0", "row-3", "row-6"]
    assert chosen(ids, 3, seed=7) == ["row-0", "row-3", "row-7"]


@settings(deadline=None)
@given(IDS, st.integers(1, 20), st.integers(-5, 5), st.randoms(use_true_random=False), st.integers(1, 9))
def test_a_sample_hangs_on_ids_alone(
    ids: list[str], size: int, seed: int, chance: random.Random, limit: int
) -> None:
    """
    Given rows in any order,
    when a sample is taken before and after a row is added and the rows are shuffled,
    then its rows are the same but for at most one, a larger sample has the smaller in it, and order is kept.
    """
    sample = chosen(ids, size, seed=seed)
    shuffled = chance.sample(ids, len(ids))
    grown = set(chosen([*ids, "a new row"], size, seed=seed))

    assert len(sample) == min(size, len(ids))
    assert set(chosen(shuffled, size, seed=seed)) == set(sample)
    assert len(set(sample) - grown) <= 1
    assert set(sample) <= set(chosen(ids, size + 1, seed=seed))
    assert sample == [row_id for row_id in ids if row_id in set(sample)]
    assert chosen(ids, size, seed=seed, limit=limit) == sample[:limit]


@settings(deadline=None)
@given(IDS, st.floats(0.001, 0.999))
def test_a_share_is_rounded_up(ids: list[str], share: float) -> None:
    """
    Given any share below 1,
    when a sample is taken,
    then it has that share of the rows, rounded up, so that it is never empty.
    """
    number = len(chosen(ids, share))

    assert number >= 1
    assert share * len(ids) - 1e-6 <= number < share * len(ids) + 1


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("where: lable == 'a'", "3:41: 'lable' is not defined"),
        ("where: label ==", "3:41: unexpected 'end of template'"),
        ("where: 3", "3:41: "),
        ("sample: 1.5", "3:42: dataset.sample: 1.5 is neither a whole number of rows nor a share below 1"),
        ("sample: 0", "3:42: "),
        ("sample: half", "3:42: "),
        ("seed: x", "3:40: "),
    ],
)
def test_what_is_wrong_stands_at_its_place(written: str, problem: str) -> None:
    """
    Given a key that cannot be,
    when the pipeline is loaded,
    then there is one problem, where it is written.
    """
    found = loaded(f"{{path: data/rows.jsonl, {written}}}").problems

    assert len(found) == 1
    assert found[0].startswith(problem)


def test_a_row_for_which_where_cannot_be_answered_is_a_problem_of_that_row() -> None:
    """
    Given a `where` that fails for one row, in the second of two files,
    when the pipeline is loaded,
    then the problem stands at that row, and nothing is left out in silence.
    """
    rows = {
        "a1.jsonl": '{"word": "x", "n": 1}\n',
        "a2.jsonl": '{"word": "y", "n": 2}\n{"word": "z", "n": "3"}\n',
    }

    found = loaded("{path: data/a*.jsonl, where: n > 1}", **rows)

    assert len(found.problems) == 1
    assert found.problems[0].startswith("data/a2.jsonl:2:1: where: '>' not supported")


def test_where_over_a_column_that_a_row_lacks_says_what_there_is() -> None:
    """
    Given a `where` over a column that the rows of the first file have, and those of the second have not,
    when the pipeline is loaded,
    then the problem of the second names the columns that it has.
    """
    rows = {"a1.jsonl": '{"word": "x", "n": 1}\n', "a2.jsonl": '{"word": "y", "label": "l"}\n'}

    found = loaded("{path: data/a*.jsonl, where: n > 0}", **rows)

    assert found.problems == ["data/a2.jsonl:1:1: where: 'n' is not defined; known: label, word"]


def test_rows_for_which_where_fails_alike_are_one_problem() -> None:
    """
    Given a `where` that fails for many rows in the same way, and for one in another,
    when the pipeline is loaded with a limit,
    then each way is told once, at its first row, with the number and the first lines of the others.
    """
    rows = "".join(f'{{"word": "w{number}", "n": "x"}}\n' for number in range(700))
    files = {"a.jsonl": '{"word": "ok", "n": 1}\n' + rows + '{"word": "z", "n": []}\n'}

    found = loaded("{path: data/a.jsonl, where: n > 0, limit: 3}", **files).found

    assert [(one.line, one.code) for one in found] == [(2, "where"), (702, "where")]
    assert found[0].message.endswith("; and 699 more rows (lines 3, 4, 5, …)")


def test_a_where_that_leaves_nothing_is_warned_of() -> None:
    """
    Given a `where` that holds for no row,
    when the pipeline is loaded,
    then it can be loaded, has no rows, and a warning stands at the expression.
    """
    found = loaded("{path: data/rows.jsonl, where: label == 'c'}")

    assert found.pipeline is not None
    assert [(problem.severity, problem.message) for problem in found.found] == [
        ("warning", "none of 20 rows is left")
    ]


def test_a_limit_ends_the_reading_once_it_is_reached() -> None:
    """
    Given a fault far behind the rows that `where` and `limit` take,
    when the pipeline is loaded,
    then the fault was not reached.
    """
    text = "\n".join([*(json.dumps({"word": "x", "n": n}) for n in range(2_000)), "nonsense"])

    found = loaded("{path: data/long.jsonl, where: n > 2, limit: 2}", **{"long.jsonl": text})

    assert indexes(found) == [3, 4]


def test_several_files_are_one_stream_in_the_order_of_their_names() -> None:
    """
    Given a pattern over files in folders, one of them without rows,
    when the pipeline is loaded,
    then the rows are numbered through, and each knows its file and line.
    """
    rows = {
        "b/two.jsonl": '{"id": 3, "word": "z"}',
        "a.jsonl": '{"id": 1, "word": "x"}\n\n{"id": 2, "word": "y"}',
        "b/none.jsonl": "",
        "rows.jsonl": '{"id": 4, "word": "z"}',
    }

    found = loaded("'data/**/*.jsonl'", **rows)

    assert [(row.index, row.id, row.file, row.line) for row in found.ready.rows()] == [
        (0, "1", "data/a.jsonl", 1),
        (1, "2", "data/a.jsonl", 3),
        (2, "3", "data/b/two.jsonl", 1),
        (3, "4", "data/rows.jsonl", 1),
    ]
    assert {"data/a.jsonl", "data/b/two.jsonl"} <= found.ready.files.files_read.keys()


def test_an_id_that_another_file_has_is_refused() -> None:
    """
    Given two files with the same id,
    when the pipeline is loaded,
    then the second is told where it stands.
    """
    row = '{"id": 1, "word": "x"}'

    found = loaded(
        "data/a*.jsonl",
        **{"a1.jsonl": row, "a2.jsonl": f"{{}}\n{row}".replace("{}", '{"id": 2, "word": "x"}')},
    )

    assert found.problems == ["data/a2.jsonl:2:8: the id '1' is there twice"]


def test_csv_is_not_mixed_with_formats_that_have_types() -> None:
    """
    Given a pattern that matches CSV and JSONL,
    when the pipeline is loaded,
    then it is refused at the dataset.
    """
    found = loaded("data/a.*", **{"a.csv": "word,n\nx,1\n", "a.jsonl": '{"word": "x", "n": 1}'})

    assert found.problems == ["3:10: 'data/a.csv' is CSV and 'data/a.jsonl' is not"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("d/*.csv", ["d/a.csv", "d/b.csv"]),
        ("d/[ab].csv", ["d/a.csv", "d/b.csv"]),
        ("d/?.csv", ["d/a.csv", "d/b.csv"]),
        ("**/a.csv", ["d/a.csv", "d/e/a.csv", "d/e/f/a.csv"]),
        ("d/**", ["d/a.csv", "d/b.csv", "d/e/a.csv", "d/e/f/a.csv"]),
        ("d/*/a.csv", ["d/e/a.csv"]),
        ("d/**/f/*", ["d/e/f/a.csv"]),
        ("x[1].csv", ["x[1].csv"]),
        ("d/a.csv", ["d/a.csv"]),
    ],
)
def test_patterns(pattern: str, found: list[str]) -> None:
    """
    Given files in folders, hidden ones among them,
    when a pattern is looked up,
    then what it matches is there, sorted; a file of just that name goes first.
    """
    names = ["d/b.csv", "d/a.csv", "d/e/a.csv", "d/e/f/a.csv", "d/.hid/a.csv", ".a.csv", "x[1].csv", "x1.csv"]

    assert files_matching(ProjectFiles(Memory(dict.fromkeys(names, b""))), pattern) == found


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("data/tikets-*.csv", "did you mean 'data/tickets-1.csv'?"),
        ("dta/*.csv", "did you mean 'data/'?"),
        ("data/*.parquet", "in data/ there are 'notes.txt', 'tickets-1.csv'"),
        ("../*.csv", "paths are relative to the project root"),
    ],
)
def test_a_pattern_that_matches_nothing_says_what_is_near(pattern: str, hint: str) -> None:
    """
    Given a pattern without a match,
    when it is looked up,
    then the hint names what there is.
    """
    files = ProjectFiles(Memory({"data/tickets-1.csv": b"", "data/notes.txt": b""}))

    with pytest.raises(FileError) as refused:
        files_matching(files, pattern)

    assert refused.value.hint == hint


def test_links_neither_double_a_file_nor_lead_round_in_circles(tmp_path: Path) -> None:
    """
    Given a link to a file, and one to its own folder,
    when a pattern over all folders is looked up,
    then the file is there once.
    """
    (tmp_path / "d").mkdir()
    (tmp_path / "d/b.csv").write_text("id\n1\n")
    (tmp_path / "d/a.csv").symlink_to(tmp_path / "d/b.csv")
    (tmp_path / "d/round").symlink_to(tmp_path / "d")

    assert files_matching(ProjectFiles(tmp_path), "**/*.csv") == ["d/a.csv"]


def test_rows_that_changed_since_they_were_checked_are_not_run(tmp_path: Path) -> None:
    """
    Given a pipeline that was loaded, and then a row more in its data file,
    when its rows are read to run,
    then that is told before any of them.
    """
    (tmp_path / "rows.jsonl").write_text(jsonl(ROWS))
    (tmp_path / "p.yaml").write_text(PLAIN)
    project = open_project(tmp_path)
    found = load_pipeline(project.files, "p.yaml", project.targets("echo/echo"))
    (tmp_path / "rows.jsonl").write_text(jsonl(ROWS[1:]))

    with pytest.raises(CannotGoOn, match="has changed since its rows were checked"):
        next(found.rows())


@pytest.fixture
def sampled(cli: Cli) -> Cli:
    """A project whose pipeline runs ten of twenty rows."""
    cli.write(
        p=PLAIN.replace("dataset: rows.jsonl", "dataset: {path: rows.jsonl, sample: 10}\nmodel: echo/echo")
    )
    (cli.folder / "rows.jsonl").write_text(jsonl(ROWS))
    return cli


def run_rows(cli: Cli, *options: str) -> list[int]:
    """Run the pipeline; give the numbers of the rows that ran."""
    assert cli("run", "p", "--out", "out.jsonl", *options).code == 0
    lines = (cli.folder / "out.jsonl").read_text().splitlines()
    return sorted(json.loads(line)["row"] for line in lines)


def test_run_narrows_what_the_pipeline_would_run(sampled: Cli) -> None:
    """
    Given a pipeline that takes a sample,
    when it is run with --where, --where and --limit, and --failed,
    then each time the rows are among those of the sample, by their numbers in the whole data.
    """
    whole = run_rows(sampled)

    narrowed = run_rows(sampled, "--where", "label == 'b'")
    limited = run_rows(sampled, "--where", "label == 'b'", "--limit", "2")

    assert len(whole) == 10
    assert narrowed == [index for index in whole if index % 2]
    assert limited == narrowed[:2]


def test_a_row_is_called_by_the_same_number_everywhere(sampled: Cli) -> None:
    """
    Given a run of a sample,
    when one of its rows is rendered and shown by the number that the run gave it,
    then it is that row; one that is not run is told as such.
    """
    whole = run_rows(sampled)
    last, other = whole[-1], next(index for index in range(20) if index not in whole)

    rendered = sampled("render", "p", "--row", str(last))
    shown = sampled("runs", "show", "last", "--row", str(last), "--json")
    first, refused = sampled("render", "p"), sampled("render", "p", "--row", str(other))

    assert f"w{last}" in rendered.out
    assert f"w{whole[0]}" in first.out
    assert f"w{last}" in shown.out
    assert (refused.code, f"row {other} is not among those that are run" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ("word == 'none'", 5, "no row is left to run"),
        ("wrod == 'none'", 2, "--where:1:1: error: 'wrod' is not defined"),
        ("word > 3", 2, "rows.jsonl:1:1: error: --where: '>' not supported"),
        ("word ==", 2, "--where:1:"),
        ("range(10 ** 9) | sum > 0", 2, "rows.jsonl:1:1: error: --where: "),
    ],
)
def test_a_where_that_gives_no_run_is_told_before_any_call(
    sampled: Cli, where: str, code: int, message: str
) -> None:
    """
    Given an expression that leaves no row, names what is not there, fails for rows, is none, or never ends,
    when the pipeline is run with it,
    then the exit code says which, the message where, and nothing was called.
    """
    said = sampled("run", "p", "--where", where)

    assert (said.code, message in said.err) == (code, True), said.err
    assert sampled("runs", "list", "--json").json["runs"] == []


def test_where_without_a_dataset_is_refused(cli: Cli) -> None:
    """
    Given a pipeline without a dataset,
    when it is run with --where,
    then that is wrong usage.
    """
    cli.write(
        p=PLAIN.replace("dataset: rows.jsonl", "inputs: {word: {type: string, default: x}}\nmodel: echo/echo")
    )

    said = cli("run", "p", "--where", "word == 'x'")

    assert (said.code, "has no dataset" in said.err) == (2, True)


def test_validate_says_how_many_rows_are_taken(sampled: Cli) -> None:
    """
    Given a pipeline that takes a sample,
    when it is validated,
    then it says how many rows of how many are run.
    """
    assert "ok (10 of 20 rows)" in sampled("validate").out
