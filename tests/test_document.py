"""Structured files read strictly: scalars, limits, places, overrides, front matter."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.loader.document import Document, parse_json, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.front_matter import split_front_matter
from promptlab.loader.overlay import merged, override
from promptlab.loader.problem_formats import as_text
from promptlab.loader.problems import Position, Problems

CORPUS = Path(__file__).parent / "corpus"
WORDS = [
    "no",
    "on",
    "y",
    "off",
    "NO",
    "Yes",
    "0777",
    "010",
    "0o14",
    "0x1F",
    "1_000",
    "12:30",
    "2026-02-30",
    ".nan",
    ".inf",
    "~",
    "+1",
]
REFUSED = """
y001 y002 y004 y005 y007 y008 y010 y011 y013 y016 y019 y020 y022 y023 y025 y026
y028 y029 y031 y032 y034 y035 y037 y040 y041 y043 y044 y047 y056 y059 y061 y067
y068 y070 y071 y073 y076 y079 y080 y085 y086 y088 y089 y092 y095 y098
"""


def corpus(kind: str) -> list[dict[str, str]]:
    with (CORPUS / "index.tsv").open(encoding="utf-8", newline="") as index:
        rows = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["kind"] == kind]


def yaml(text: str) -> Document:
    problems = Problems()
    document = parse_yaml("a.yaml", text, problems)
    assert document is not None, as_text(problems)
    assert not problems.errors, as_text(problems)
    return document


def faults(text: str, *, top: str = "map") -> list[tuple[int, int, str]]:
    problems = Problems()
    parse_yaml("a.yaml", text, problems, top="any" if top == "any" else "map")
    return [(problem.line, problem.column, problem.message) for problem in problems]


def json_faults(text: str) -> list[tuple[int, int, str]]:
    problems = Problems()
    parse_json("a.json", text, problems)
    return [(problem.line, problem.column, problem.message) for problem in problems]


@pytest.mark.parametrize("case", [pytest.param(row, id=row["id"]) for row in corpus("yaml")])
def test_the_corpus_is_refused_with_a_place_or_read(case: dict[str, str]) -> None:
    """
    Given a malformed or odd file of the corpus,
    when it is read,
    then a fault of its syntax is said with a place, without an escape or secret, and the rest is read.
    """
    path, problems = CORPUS / case["file"], Problems()

    text = ProjectFiles(path.parent).read_text(path.name, problems)
    document = None if text is None else parse_yaml(path.name, text, problems)

    shown = as_text(problems)
    assert bool(problems.errors) == (case["id"] in REFUSED), shown
    assert document is not None or problems.errors
    assert not any(mark in shown for mark in ("\x1b", "sk-proj-AAAA", "hunter2"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *[(word, word) for word in WORDS],
        ("True", "True"),
        ("1.", "1."),
        ("true", True),
        ("null", None),
        ("", None),
        ("-3", -3),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("18446744073709551615", 18446744073709551615),
        ('"1"', "1"),
        ("'true'", "true"),
        ("'it''s'", "it's"),
    ],
)
def test_scalars_are_those_of_json_and_text_otherwise(written: str, expected: JSON) -> None:
    """
    Given a scalar,
    when it is read,
    then it is true, false, null or a JSON number, and else the text as written.
    """
    value = yaml(f"a: {written}\n").value

    assert value == {"a": expected}
    assert isinstance(value, dict)
    assert type(value["a"]) is type(expected)


@pytest.mark.parametrize(
    ("written", "ambiguous"),
    [
        ("1.10", True),
        ("1e3", True),
        ("-0", True),
        ("4.0", False),
        ("12", False),
        ('"1.10"', False),
        ("x", False),
    ],
)
def test_a_number_that_prints_differently_is_told_from_others(written: str, ambiguous: object) -> None:
    """
    Given a scalar,
    when its source is asked for,
    then it says whether it was read as a number that would print differently.
    """
    source = yaml(f"a: {written}\n").scalar_source(("a",))

    assert source is not None
    assert source.ambiguous == ambiguous


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('a: "x\nb: 1\n', 1, 4, "this quote is never closed"),
        ("a: [1, 2\nb: 1\n", 1, 4, "this [ is never closed"),
        ("b: 1\na: [\n", 2, 4, "this [ is never closed"),
        ("a: [x, {b: [1],\n", 1, 8, "this { is never closed"),
        ("a: {x: [1, }, 2]\n", 1, 12, "expected , or ]"),
        ("s:\n\t- a\n", 2, 1, "a tab used for indentation"),
        ("a: b: c\n", 1, 5, "a second colon in a value that is not quoted"),
        ("a: 1\n  b: 2\n", 2, 4, "a key below a value"),
        ("p: {{ q }}\n", 1, 4, "a template that is not quoted"),
        ("a: *nope\n", 1, 4, "the alias *nope has no anchor &nope above it"),
        ("a: &a\n  b: *a\n", 2, 6, "*a contains itself"),
        ("a: !env X\n", 1, 4, "tags are not supported: '!env'"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key 'a', first written in line 1"),
        ("a: {b: 1, b: 2}\n", 1, 11, "duplicate key 'b', first written in line 1"),
        ("{1: a}\n", 1, 2, "the key '1' is no text"),
        ("? [a]\n: 1\n", 1, 3, "a key must be text, not a list or map"),
        ("a: 1\n---\nb: 1\n", 2, 1, "a second document in the file"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", 1, 1, "a %TAG directive"),
        ("a: 1e999\n", 1, 4, "the number is too large"),
        ("a: 99999999999999999999\n", 1, 4, "the integer does not fit into 64 bits"),
        ("a: 1\n<<<<<<< HEAD\n", 2, 1, "unresolved merge conflict"),
        ("a: x\x85\n", 1, 5, "a NEL (U+0085) may not stand in YAML"),
        ('a: "\\ud800"\n', 1, 7, "an escape that is no character"),
        ("a: {<<: 1}\n", 1, 5, "<< takes a map or a list of maps"),
        ("- a\n", 1, 1, "the file must be a map of keys and values, but it is a list"),
        ("", 1, 1, "the file is empty"),
        ("x: &a 1\ny: &a 2\n", 2, 4, "the anchor &a is there twice"),
    ],
)
def test_a_fault_is_said_where_it_stands(text: str, line: int, column: int, message: str) -> None:
    """
    Given a file with one fault,
    when it is read,
    then the one problem says what it is, at the place that caused it.
    """
    assert faults(text) == [(line, column, message)]


def test_all_faults_are_said_at_once() -> None:
    """
    Given a file with several faults, the last of them in its syntax,
    when it is read,
    then each is a problem.
    """
    found = faults("a: 1\na: 2\nb: !x y\nc: *d\ne: `\n")

    assert [line for line, _, _ in found] == [2, 3, 4, 5]


def test_anchors_and_merge_keys_work_and_later_words_win() -> None:
    """
    Given maps that take over others,
    when the file is read,
    then their own keys win, then those of the first map named; x- keys at the top are left out.
    """
    document = yaml("x-a: &a {p: 1, q: 1}\nx-b: &b {q: 2, r: 2}\nm: {<<: [*a, *b], p: 3}\nn: *a\n")

    assert document.value == {"m": {"p": 3, "q": 1, "r": 2}, "n": {"p": 1, "q": 1}}
    assert document.position(("m", "r")) == Position(2, 19)


def test_an_alias_is_counted_as_often_as_it_is_used() -> None:
    """
    Given a few hundred bytes that stand for millions of values,
    when they are read,
    then they are refused before anything is written out.
    """
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    found = faults("\n".join(lines))

    assert [message for _, _, message in found] == ["more than 100,000 values, aliases written out"]


def test_depth_is_counted_through_aliases() -> None:
    """
    Given an anchor 40 levels deep, used 20 levels deep,
    when it is read,
    then it is too deep.
    """
    text = f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 20}*a{']' * 20}\n"

    assert [message for _, _, message in faults(text)] == ["nested more than 50 levels deep"]


def test_places_of_keys_values_and_what_is_absent() -> None:
    """
    Given a document,
    when places are asked for,
    then keys and values have their own, and what is absent that of its nearest ancestor.
    """
    document = yaml("a:\n  - b: 1\n    c: two\n")

    assert document.position(("a", 0, "c")) == Position(3, 8)
    assert document.position(("a", 0, "c"), key=True) == Position(3, 5)
    assert document.position(("a", 0, "nope", "x")) == document.position(("a", 0))
    assert document.position(("a", 7)) == document.position(("a",), key=True)


def test_a_line_of_a_block_text_is_a_line_of_the_file() -> None:
    """
    Given a template in a block,
    when the place of its second line is asked for,
    then it is that of the file, indentation counted.
    """
    document = yaml("steps:\n  - prompt: |  # note\n      Hello\n        {{ x }}\n")

    source = document.scalar_source(("steps", 0, "prompt"))

    assert source is not None
    assert (source.style, source.position(1, 1), source.position(2, 3)) == (
        "literal",
        Position(3, 7),
        Position(4, 9),
    )


def test_places_inside_quoted_plain_and_folded_texts() -> None:
    """
    Given texts in other styles,
    when a place inside is asked for,
    then it is exact where the text is as written, and the start of the text otherwise.
    """
    document = yaml('a: "{{ x }}"\nb: plain\nc: >\n  one\n  two\nd: "\\t{{ x }}"\n')

    places = [source.position(1, 4) for key in "abcd" if (source := document.scalar_source((key,)))]

    assert places == [Position(1, 8), Position(2, 7), Position(4, 3), Position(6, 5)]


def test_line_ends_of_all_kinds_mean_the_same() -> None:
    """
    Given the same file with CRLF, CR and LF,
    when it is read,
    then value and places are the same.
    """
    documents = [yaml(end.join(["a: 1", "b: |", "  x", "  y", ""])) for end in ("\n", "\r\n", "\r")]

    assert {str(document.value) for document in documents} == {"{'a': 1, 'b': 'x\\ny\\n'}"}
    assert {document.position(("b",)) for document in documents} == {Position(2, 4)}


def test_a_secret_value_is_not_quoted() -> None:
    """
    Given a value under a key that names a secret,
    when a message wants to quote it,
    then it gets a mask.
    """
    document = yaml("providers: {x: {api_key: hunter2, base_url: http://a}}\n")

    assert document.shown(("providers", "x", "api_key")) == "'***'"
    assert document.shown(("providers", "x", "base_url")) == "'http://a'"


PIPELINE = """\
model: a/b
params: {temperature: 0, max_tokens: 64}
steps:
  - id: classify
    prompt: one.j2
    output: {enum: [x]}
  - id: reply
    prompt: two.j2
variants:
  few: {steps: {classify: {prompt: few.j2, output: null}}, params: {temperature: 1}, model: null}
  typo: {steps: {clasify: {prompt: few.j2}}}
  twice: {params.temperature: 1, params: {temperature: 2}}
"""


def variant(name: str) -> Document:
    part = yaml(PIPELINE).part(("variants", name))
    assert part is not None
    return part


def test_overrides_merge_maps_take_keys_away_and_find_steps_by_id() -> None:
    """
    Given a variant that changes a step, a parameter and takes keys away,
    when it is laid over the pipeline,
    then the result has them, at the places where the variant writes them.
    """
    problems = Problems()

    result = merged(yaml(PIPELINE), [variant("few")], problems)

    value = result.value
    assert isinstance(value, dict)
    assert value["steps"] == [{"id": "classify", "prompt": "few.j2"}, {"id": "reply", "prompt": "two.j2"}]
    assert (value["params"], "model" in value) == ({"temperature": 1, "max_tokens": 64}, False)
    assert result.position(("steps", 0, "prompt")) == Position(10, 36)
    assert result.position(("steps", 1, "prompt")) == Position(8, 13)
    assert len(problems) == 0


def test_dotted_paths_reach_into_maps_and_steps() -> None:
    """
    Given overrides by dotted path, as from --set,
    when they are laid over the pipeline one after the other,
    then the last one wins, and its place is where it was written.
    """
    problems = Problems()
    cold, hot = (parse_yaml("--set", text, problems, top="any") for text in ("0.1", "0.9"))
    assert cold is not None
    assert hot is not None

    layers = [override("steps.reply.params.temperature", value) for value in (cold, hot)]
    result = merged(yaml(PIPELINE), layers, problems)

    path = ("steps", 1, "params", "temperature")
    assert result.place(path).source.file == "--set"
    assert result.value["steps"][1]["params"] == {"temperature": 0.9}  # type: ignore[call-overload,index]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("typo", "there is no step 'clasify' to override", "did you mean 'classify'?"),
        ("twice", "'temperature' is set twice", "keep one of the two"),
    ],
)
def test_overrides_that_cannot_be_laid_are_problems(name: str, message: str, hint: str) -> None:
    """
    Given a variant of an unknown step, or one that says a thing twice,
    when it is laid over the pipeline,
    then that is a problem at the variant.
    """
    problems = Problems()

    merged(yaml(PIPELINE), [variant(name)], problems)

    assert [(problem.message, problem.hint) for problem in problems] == [(message, hint)]


def test_front_matter_keeps_its_lines() -> None:
    """
    Given a template with front matter,
    when it is parted,
    then places in both parts are those of the file.
    """
    problems = Problems()

    parts = split_front_matter("a.j2", "---\nmodel: a/b\n---\nHi {{ x }}\n", problems)

    assert parts.document is not None
    assert parts.document.position(("model",)) == Position(2, 8)
    assert (parts.body, parts.line_offset) == ("Hi {{ x }}\n", 3)


@pytest.mark.parametrize(
    ("text", "body", "offset"),
    [
        ("Hi\n---\n", "Hi\n---\n", 0),
        ("---\n---\nHi", "Hi", 2),
        ("---\r\n# x\r\n---\r\nHi\r\n", "Hi\n", 3),
        ("----\nx", "----\nx", 0),
    ],
)
def test_templates_without_front_matter_are_left_alone(text: str, body: str, offset: int) -> None:
    """
    Given a template whose front matter is absent or empty,
    when it is parted,
    then there is no document and no problem.
    """
    problems = Problems()

    parts = split_front_matter("a.j2", text, problems)

    assert (parts.document, parts.body, parts.line_offset, len(problems)) == (None, body, offset, 0)


def test_front_matter_that_never_ends_is_a_problem() -> None:
    """
    Given a template that opens front matter and does not close it,
    when it is parted,
    then that is a problem in its first line.
    """
    problems = Problems()

    split_front_matter("a.j2", "---\nmodel: x\n", problems)

    assert [(problem.line, problem.message) for problem in problems] == [(1, "front matter that never ends")]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"a": 1,\n "a": 2}', 2, 2, "duplicate key 'a', first written in line 1"),
        ('{"a": NaN}', 1, 7, "NaN is no JSON value"),
        ('{"a": 1e999}', 1, 7, "the number is too large"),
        ('{"a": 1,}', 1, 8, "a comma before }"),
        ("[1, 2", 1, 6, "expected , or ]"),
        ("{'a': 1}", 1, 2, "expected a key in double quotes"),
        ('{"a": "\\ud800"}', 1, 7, "half of a surrogate pair in a text"),
        ('{"a": "\\u0000"}', 1, 7, "a NUL character in a text"),
        ('{"a": "b', 1, 7, "this quote is never closed"),
        ('"\\x"', 1, 2, "an unknown escape in a text"),
        ("01", 1, 1, "'01' is no JSON value"),
        ("1 2", 1, 3, "something after the value"),
        ("", 1, 1, "the text ends where a value is due"),
        ("[" * 60 + "]" * 60, 1, 51, "nested more than 50 levels deep"),
        ("9" * 5000, 1, 1, "the integer does not fit into 64 bits"),
    ],
)
def test_json_is_strict(text: str, line: int, column: int, message: str) -> None:
    """
    Given a JSON text with a fault,
    when it is read,
    then the fault is said where it stands.
    """
    assert json_faults(text) == [(line, column, message)]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{},&*!|>#%@'\"\\ \n\t\r01.eE~<\u00e9\ufeff\x85", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """
    Given any text,
    when it is read as YAML or JSON,
    then there is a document or a problem, and every problem can be shown.
    """
    for parse in (parse_yaml, parse_json):
        problems = Problems()

        document = parse("a", text, problems)

        assert document is not None or problems.errors
        assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
        as_text(problems).encode()


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_json_comes_back_as_it_was(value: JSON) -> None:
    """
    Given any JSON value,
    when its text is read,
    then it is the same.
    """
    problems = Problems()

    document = parse_json("a.json", json.dumps(value), problems)

    assert document is not None, as_text(problems)
    assert document.value == value
