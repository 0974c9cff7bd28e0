"""Rows: every format, ids, types, what is refused, and reading as a stream."""

import csv
import io
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.frozen import replace
from promptlab.core.json import JSON
from promptlab.loader.dataset import Dataset, Scan, check_input_name
from promptlab.loader.document import parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problem_formats import as_text
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.sources import FileError, Memory
from promptlab.schemas.dataset import DatasetSpec, InputSpec, InputType, Row

CORPUS = Path(__file__).parent / "corpus"
TEXT = InputSpec("string")
ACCEPTED = {"c014", "c018", "c020", "c021", "c026", "c030", "l002", "l028"}


def corpus() -> list[dict[str, str]]:
    with (CORPUS / "index.tsv").open(encoding="utf-8", newline="") as index:
        rows = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["kind"] in {"csv", "jsonl"}]


def dataset(name: str, content: str | bytes, inputs: Mapping[str, InputSpec] | None = None) -> Dataset:
    data = content.encode() if isinstance(content, str) else content
    return Dataset(ProjectFiles(Memory({name: data})), DatasetSpec(name), inputs=inputs)


def scanned(data: Dataset) -> Scan:
    problems = Problems()
    scan = data.scan(problems)
    assert scan is not None, as_text(problems)
    return scan


def rows(name: str, content: str, inputs: Mapping[str, InputSpec] | None = None) -> list[Row]:
    data = dataset(name, content, inputs)
    scanned(data)
    return list(data.rows())


def faults(data: Dataset) -> list[tuple[int, int, str]]:
    problems = Problems()
    assert data.scan(problems) is None
    return [(problem.line, problem.column, problem.message) for problem in problems]


@pytest.mark.parametrize("case", [pytest.param(row, id=row["id"]) for row in corpus()])
def test_the_corpus_is_refused_with_a_place_or_read_as_it_is(case: dict[str, str]) -> None:
    """
    Given a malformed or odd data file of the corpus,
    when it is scanned without a pipeline,
    then it is refused with a place, or all of its rows are read.
    """
    path, problems = CORPUS / case["file"], Problems()
    data = Dataset(ProjectFiles(path.parent), DatasetSpec(path.name), alone=True)

    scan = data.scan(problems)

    assert (scan is not None) == (case["id"] in ACCEPTED), as_text(problems)
    assert scan is None or scan.rows == len(list(data.rows()))
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,q,n\n1,x,5\n2,y,6\n"),
        ("a.jsonl", '{"id":"1","q":"x","n":5}\n\n{"id":"2","q":"y","n":6}'),
        ("a.json", '[{"id":"1","q":"x","n":5},\n {"id":"2","q":"y","n":6}]'),
        ("a.yaml", '- {id: "1", q: x, n: 5}\n- id: "2"\n  q: y\n  n: 6\n'),
    ],
)
def test_every_format_gives_the_same_rows(name: str, content: str) -> None:
    """
    Given the same rows in each format,
    when they are read for typed inputs,
    then ids, inputs and order are the same.
    """
    found = rows(name, content, {"q": TEXT, "n": InputSpec("integer")})

    assert [(row.index, row.id, dict(row.inputs)) for row in found] == [
        (0, "1", {"q": "x", "n": 5}),
        (1, "2", {"q": "y", "n": 6}),
    ]


def test_rows_in_a_pipeline_are_read_where_they_stand() -> None:
    """
    Given rows inside a pipeline, one of them without an input,
    when they are scanned,
    then the problem stands at that row in the pipeline's file.
    """
    problems = Problems()
    document = parse_yaml("p.yaml", "dataset:\n  - {q: a}\n  - {r: b}\n", problems)
    assert document is not None
    inline = document.part(("dataset",))
    assert inline is not None

    Dataset(ProjectFiles(Memory({})), inline, inputs={"q": TEXT}).scan(problems)

    assert [(p.file, p.line, p.column, p.message) for p in problems] == [
        ("p.yaml", 3, 5, "the row lacks 'q'")
    ]


def test_a_csv_cell_is_text_and_json_only_for_typed_inputs() -> None:
    """
    Given CSV cells that look like other types,
    when they are read for inputs of each type,
    then text stays as it is, typed ones are read as JSON, and columns stay as read.
    """
    inputs = {"t": TEXT, "n": InputSpec("number"), "b": InputSpec("boolean"), "a": InputSpec("array")}

    row = rows("a.csv", 'id,t,n,b,a,label\n1,007,1.5,true,"[1, ""x""]",NULL\n', inputs)[0]

    assert row.inputs == {"t": "007", "n": 1.5, "b": True, "a": [1, "x"]}
    assert (row.columns["n"], row.columns["label"]) == ("1.5", "NULL")


def test_an_empty_cell_is_absent_where_it_cannot_be_text() -> None:
    """
    Given empty cells,
    when they are read for text, for a number and for text with a default,
    then the first is empty text, and the others take their defaults.
    """
    inputs = {
        "t": TEXT,
        "n": InputSpec("number", default=7, required=False),
        "d": InputSpec("string", default="x", required=False),
    }

    assert rows("a.csv", "id,t,n,d\n1,,,\n", inputs)[0].inputs == {"t": "", "n": 7, "d": "x"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1"),
        ("number", "1"),
        ("number", False),
        ("boolean", 0),
        ("boolean", "true"),
        ("array", {}),
        ("object", []),
        ("messages", "hi"),
        ("messages", [{"role": "system", "content": "obey"}]),
        ("messages", [{"content": "hi"}]),
    ],
)
def test_nothing_is_converted(kind: InputType, value: JSON) -> None:
    """
    Given a value of another type than its input,
    when the rows are scanned,
    then that is a problem at the value.
    """
    found = faults(dataset("a.jsonl", json.dumps({"id": 1, "v": value}), {"v": InputSpec(kind)}))

    assert [(line, column) for line, column, _ in found] == [(1, 16)]


def test_a_value_outside_its_enum_is_a_problem_with_a_suggestion() -> None:
    """
    Given a value with a slip,
    when the rows are scanned for an input with an enum,
    then the problem says what may stand there and what was probably meant; true is not 1.
    """
    problems = Problems()
    inputs = {"t": InputSpec("string", enum=("free", "pro")), "n": InputSpec("any", enum=(1,))}

    dataset("a.jsonl", '{"t":"fre","n":1}\n{"t":"pro","n":true}', inputs).scan(problems)

    found = [(problem.line, problem.message, problem.hint) for problem in problems]
    assert found == [
        (1, "'t' must be one of 'free', 'pro', not 'fre'", "did you mean 'free'?"),
        (2, "'n' must be one of 1, not true", None),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ('{"id":1}\n{"id":"1"}', 2, "the id '1' is there twice"),
        ('{"id":""}', 1, "an empty id"),
        ('{"$id":null}', 1, "an empty id"),
        ('{"$id":" ","id":1}', 1, "an empty id"),
        ('{"id":[1]}', 1, "an id must be a short text or a number, not a list of 1"),
        ('{"$note":1,"id":1}', 1, "the column '$note' is unknown; names that begin with $ are ours"),
        ('{"id":1,"$tags":"a"}', 1, "$tags must be a list, not 'a'"),
        ('{"id":1,"$tags":[1]}', 1, "a tag must be text, not 1"),
        ('{"id":1,"$checks":[{"not-python":"a.py:f"}]}', 1, "python may not stand in the $checks of a row"),
        ('{"id":1,"$checks":[{"type":"expression"}]}', 1, "expression may not stand in the $checks of a row"),
        (
            '{"id":1,"$checks":[{"all-of":[{"equals":1,"when":"x"}]}]}',
            1,
            "when may not stand in the $checks of a row",
        ),
        ('{"id":1}\n{"id":2', 2, "expected , or }"),
        ('{"id":1,"id":2}', 1, "duplicate key 'id', first written in line 1"),
        ("\n", 1, "there are no rows"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_in_its_line(content: str, line: int, message: str) -> None:
    """
    Given a row with a fault,
    when the rows are scanned,
    then the problem is in its line.
    """
    assert [(at, text) for at, _, text in faults(dataset("a.jsonl", content))] == [(line, message)]


def test_own_id_comes_before_the_column_and_the_column_stays_data() -> None:
    """
    Given rows with `$id` and a column id,
    when they are read,
    then `$id` names them and id is a column like others.
    """
    row = rows("a.jsonl", '{"$id":"a","id":7,"$tags":["x"],"$checks":[{"equals":"{{ y }}"}]}')[0]

    assert (row.id, row.columns, row.tags, list(row.checks)) == (
        "a",
        {"id": 7},
        ("x",),
        [{"equals": "{{ y }}"}],
    )


def test_without_an_id_rows_are_called_by_their_inputs() -> None:
    """
    Given rows without ids, two of them equal in the inputs,
    when a column, a label and a row are added,
    then no row is renamed; equal rows are numbered.
    """
    inputs = {"q": TEXT, "n": InputSpec("integer", default=1, required=False)}
    before = rows("a.jsonl", '{"q":"a"}\n{"q":"b"}\n{"q":"a"}\n', inputs)

    after = rows(
        "a.jsonl", '{"q":"z"}\n{"q":"a","l":1}\n{"l":2,"q":"b"}\n{"q":"a","$checks":["is-json"]}\n', inputs
    )

    assert [row.id for row in after[1:]] == [row.id for row in before]
    assert before[2].id == f"{before[0].id}-2"


def test_tags_and_checks_in_csv_are_yaml() -> None:
    """
    Given CSV with tags and checks as YAML flow text, and empty ones,
    when the rows are read,
    then they are lists, and nothing where the cell is empty.
    """
    found = rows("a.csv", 'id,$tags,$checks\n1,"[a, b]","[{icontains: refund}]"\n2,,\n')

    assert [(row.tags, list(row.checks)) for row in found] == [
        (("a", "b"), [{"icontains": "refund"}]),
        ((), []),
    ]


def test_lines_are_right_after_a_line_break_in_a_cell() -> None:
    """
    Given a quoted cell with a line break, and a short row below,
    when the rows are scanned,
    then the problem has the line of the file.
    """
    assert faults(dataset("a.csv", 'id,q\r\n1,"a\r\nb"\r\n2\r\n')) == [
        (4, 1, "1 cell where the header has 2")
    ]


def test_a_problem_in_a_cell_stands_at_the_cell() -> None:
    """
    Given a wrong cell behind a quoted one with commas and line breaks,
    when the rows are scanned,
    then the problem stands at that cell.
    """
    inputs = {"n": InputSpec("integer")}

    found = faults(dataset("a.csv", 'id,q,n\n1,"a, ""b""\nc",x\n', inputs))

    assert found == [(3, 4, "'n' must be a whole number, as 3, but the cell has 'x'")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id;q\n1;a\n", "the cells are parted by semicolons, not commas"),
        ("id\tq\n1\ta\n", "the cells are parted by tabs, not commas"),
        ("sep=;\nid;q\n", "a sep= line of Excel"),
        ("id,q\r1,a\r", "lines that end in CR alone"),
        ('id,q\n1,"a\n', "a quote that is never closed"),
        ("id,q\n1," + "x" * 140_000, "a cell of more than 128 KiB"),
        ("," * 20_000, "more than 10,000 columns"),
        ("\nid\n", "the first line is empty"),
    ],
)
def test_csv_that_is_none_is_refused(content: str, message: str) -> None:
    """
    Given a file that spreadsheets call CSV,
    when it is scanned,
    then the one problem says what it is.
    """
    assert [text for _, _, text in faults(dataset("a.csv", content))] == [message]


def test_a_column_that_no_input_finds_is_said_once() -> None:
    """
    Given CSV without a column for an input,
    when it is scanned,
    then that is one problem, not one for each row.
    """
    found = faults(dataset("a.csv", "id,q\n1,a\n2,b\n", {"text": TEXT}))

    assert found == [(1, 1, "there is no column for the input 'text'")]


def test_inputs_that_are_not_declared_are_the_columns_of_the_first_row() -> None:
    """
    Given rows with columns that can be names and others that cannot,
    when they are scanned without inputs,
    then the former are inputs: text in CSV, anything in JSONL; later rows must have them.
    """
    table = scanned(dataset("a.csv", "id,a b,range,q\n1,x,y,z\n"))
    lines = scanned(dataset("a.jsonl", '{"id":1,"q":[1]}\n{"q":2,"id":2,"more":3}\n'))

    assert table.inputs == {"id": TEXT, "q": TEXT}
    assert lines.inputs == {"id": InputSpec("any"), "q": InputSpec("any")}
    assert (lines.rows, lines.columns) == (2, ("id", "q", "more"))


@pytest.mark.parametrize(
    ("name", "good"),
    [("ticket", True), ("_x", True), ("größe", True), ("text", True), ("image", True)]
    + [
        (name, False)
        for name in ("range", "row", "output", "true", "not", "a b", "1a", "", "a-b", "x\u200b", "ﬁ")
    ],
)
def test_names_that_an_input_may_have(name: str, good: object) -> None:
    """
    Given a name,
    when it is checked as the name of an input,
    then identifiers are good, and what Jinja and promptlab keep for themselves is not.
    """
    assert (check_input_name(name) is None) == good


def test_a_number_that_would_print_differently_must_be_quoted() -> None:
    """
    Given YAML rows with a version number,
    when they are scanned,
    then it is refused where it may be text, and taken where it must be a number.
    """
    content = "- {id: 1, v: 1.10}\n"

    assert [text for _, _, text in faults(dataset("a.yaml", content))] == [
        "'1.10' would be read as the number 1.1"
    ]
    assert rows("a.yaml", content, {"v": InputSpec("number")})[0].inputs == {"v": 1.1}


def test_a_limit_ends_the_reading_but_the_whole_file_is_hashed() -> None:
    """
    Given a dataset with a limit, and a fault behind it,
    when it is scanned,
    then only the rows up to the limit are read; the hash is that of the file.
    """
    content = b'{"id":1}\n{"id":2}\nnonsense\n'
    files = ProjectFiles(Memory({"a.jsonl": content}))

    limited = scanned(Dataset(files, DatasetSpec("a.jsonl", limit=2)))
    whole = scanned(dataset("a.jsonl", b'{"id":1}\n{"id":2}\n'))

    assert (limited.rows, whole.rows) == (2, 2)
    assert files.files_read["a.jsonl"].size == len(content)


def test_rows_that_changed_since_the_scan_are_not_run(tmp_path: Path) -> None:
    """
    Given a data file that was scanned and then broken,
    when its rows are read,
    then the reading ends in its problem.
    """
    file = tmp_path / "a.jsonl"
    file.write_text('{"id":1}\n')
    data = Dataset(ProjectFiles(tmp_path), DatasetSpec("a.jsonl"))
    scanned(data)
    file.write_text('{"id":1}\n{"id":')

    with pytest.raises(InvalidPipeline, match=r"a\.jsonl:2:7"):
        list(data.rows())


@pytest.mark.parametrize("name", ["a.txt", "nope.csv", "no/*.csv"])
def test_a_file_that_cannot_be_used_is_said_to_its_namer(name: str) -> None:
    """
    Given a dataset of unknown format, or one that is not there,
    when it is scanned,
    then the error belongs to whoever names it.
    """
    with pytest.raises(FileError):
        Dataset(ProjectFiles(Memory({"a.txt": b""})), DatasetSpec(name)).scan(Problems())


def test_memory_does_not_grow_with_the_size_of_rows(tmp_path: Path) -> None:
    """
    Given 2,000 rows of 10 KB,
    when they are read,
    then a small part of the 20 MB is held at any time.
    """
    line = json.dumps({"q": "x" * 10_000})
    (tmp_path / "a.jsonl").write_text("\n".join(f'{{"id":{n},{line[1:]}' for n in range(2_000)))
    data = Dataset(ProjectFiles(tmp_path), DatasetSpec("a.jsonl"), inputs={"q": TEXT})
    tracemalloc.start()

    count = sum(1 for _ in data.rows())

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 2_000_000


def test_rows_that_were_read_before_are_streamed_without_their_ids() -> None:
    """
    Given some thousand rows without ids, two of them equal, that were read once,
    when they are read again to be run,
    then they are called as before, and memory holds the ids of those two alone.
    """
    lines = [f'{{"q":"number {n}"}}\n' for n in range(4_000)]
    data = dataset("a.jsonl", "".join([*lines, lines[7]]))
    scan = replace(scanned(data), kept=None)
    named = [row.id for row in data.rows()]
    tracemalloc.start()

    held = sum(row.id == name for row, name in zip(data.rows(scan), named, strict=True))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held == len(lines) + 1
    assert named[-1] == f"{named[7]}-2"
    assert peak < 300_000


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_csv_that_python_writes_comes_back_as_it_was(cells: list[tuple[str, str]]) -> None:
    """
    Given any texts,
    when they are written as CSV and read,
    then they are the same.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *cells])

    found = rows("a.csv", buffer.getvalue())

    assert [(row.inputs["a"], row.inputs["b"]) for row in found] == cells


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["a.csv", "a.jsonl", "a.json", "a.yaml"]),
    st.binary(max_size=80) | st.text(alphabet='id,"q\n\r{}[]:;0-1.eE\\u $é\x00', max_size=80).map(str.encode),
)
def test_no_bytes_break_the_reader(name: str, content: bytes) -> None:
    """
    Given any bytes in a data file,
    when they are scanned,
    then there are rows or problems, and nothing else comes out.
    """
    problems = Problems()

    scan = dataset(name, content).scan(problems)

    assert (scan is None) == bool(problems.errors)
    as_text(problems).encode()


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"a":[' + "[]," * 700_000 + "[]]}"),
        ("a.jsonl", "{" + ",".join(f'"{number}":{{}}' for number in range(150_000)) + "}}"),
        ("a.jsonl", "x\n" * 1_000_000),
        ("a.json", "[" + "\n" * 2_000_000),
        ("a.csv", "," * 2_000_000),
        ("a.csv", "id,q\n" + '"a\n","b\n",' * 200_000),
        ("a.csv", "id,q\n" + "1\n" * 1_000_000),
        ("a.yaml", "- " * 1_000_000),
    ],
    ids=[
        "wide-list",
        "wide-map",
        "bad-lines",
        "blank-json",
        "commas",
        "endless-row",
        "short-rows",
        "deep-yaml",
    ],
)
def test_two_megabytes_of_nonsense_end_soon_in_a_problem(name: str, content: str) -> None:
    """
    Given two megabytes that try to be slow to read,
    when they are scanned,
    then there is a problem, and it took no time that grows with the square of the size.
    """
    assert faults(dataset(name, content))
