"""Each kind of check: what passes, what fails, what it cannot say; how checks are read from a file."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from promptlab.core.json import JSON
from promptlab.engine.catalog import CHECKS
from promptlab.engine.check_reading import read_check, row_checks
from promptlab.engine.checks.levenshtein import bounded_distance
from promptlab.engine.judged import JudgedCheck
from promptlab.engine.ruling import named
from promptlab.schemas.run import StepResult
from tests.hostile import MEGABYTE, hostile
from tests.judged import Resolver, evidence, read, step, verdict, verdicts
from tests.structure_samples import STRUCTURE, Sample, said
from tests.text_metric_samples import TEXT_METRICS

OBJECT: dict[str, JSON] = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}

TWO_OF_THREE: JSON = [{"contains": "a"}, {"contains": "b"}, {"regex": "[0-9]"}]

# check, what passes, what fails
KINDS: list[Sample] = [
    *STRUCTURE,
    ({"equals": "billing"}, ["billing"], ["Billing", "billing ", "", None]),
    ({"equals": 5}, [5, 5.0, "5"], [6, "5.0", True]),
    ({"equals": True}, [True, "true"], [1, "True", False]),
    ({"equals": None}, [None, "null"], ["", 0, False]),
    (
        {"equals": {"a": [1, 2]}},
        [{"a": [1, 2]}, '{"a": [1, 2.0]}'],
        [{"a": [2, 1]}, "{", '{"a": [1, true]}', 1],
    ),
    ({"contains": "refund"}, ["a refund!", {"why": "refund"}], ["Refund", ""]),
    ({"contains": 7}, ["17"], ["1"]),
    ({"icontains": "STRASSE"}, ["die Straße"], ["strase"]),
    ({"contains-all": ["a", "b"]}, ["ab"], ["a", ""]),
    ({"contains-all": 'one, "two, three"'}, ["two, three or one"], ["one two three"]),
    ({"contains-any": ["a", "b"]}, ["b"], ["c"]),
    ({"contains-any": "a,b"}, ["xb"], [","]),
    ({"icontains-all": ["A", "B"]}, ["ab"], ["a"]),
    ({"icontains-any": ["A", "B"]}, ["b"], ["c"]),
    ({"starts-with": "Dear"}, ["Dear you"], ["My Dear"]),
    ({"ends-with": "bye"}, ["good bye"], ["bye "]),
    ({"regex": r"\d{4}-\d\d"}, ["on 2026-03"], ["26-03"]),
    ({"regex": "(?i)^REFUND and a pattern of more than thirty-two letters"}, [], ["Refund"]),
    (
        "is-json",
        ['{"a": 1}', "[]", "3", {"a": 1}, [1], None],
        ["", "{", "NaN", "[1e999]", "[1,]", "'a'", "[" * 100_000],
    ),
    ({"is-json": OBJECT}, ['{"a": "x"}', {"a": "x"}], ['{"a": 1}', "{}", "{"]),
    (
        "contains-json",
        ['see {"a": 1}.', "```json\n[1, 2]\n```", {"a": 1}, [], [3], "[3]"],
        ["see [1]", "{a: 1}", "[x]", "{NaN}"],
    ),
    ({"contains-json": OBJECT}, ['{"b": 1} {"a": "x"}'], ['{"a": 1}', "a"]),
    ({"word-count": 2}, ["two words", " two\nwords "], ["one", ""]),
    ({"word-count": {"min": 1, "max": 2}}, ["one", "one two"], ["", "one two three"]),
    ({"levenshtein": "kitten"}, ["sitting", "kitten"], ["something else"]),
    ({"type": "levenshtein", "value": "kitten", "threshold": 2}, ["mitten"], ["sitting"]),
    ({"all-of": [{"contains": "a"}, {"not-contains": "b"}]}, ["a"], ["ab", ""]),
    ({"any-of": [{"contains": "a"}, "is-json"]}, ["a", "1"], ["b"]),
    ({"type": "all-of", "value": [{"contains": "a"}, {"contains": "b"}], "threshold": 0.5}, ["a"], ["c"]),
    ({"type": "k-of-n", "threshold": 2, "value": TWO_OF_THREE}, ["ab", "b1", "abc"], ["a", "", "c"]),
    *TEXT_METRICS,
    ({"cost": 0}, ["x"], []),
    ({"latency": 0}, ["x"], []),
]
PASSES = [(source, output) for source, passing, _ in KINDS for output in passing]
FAILS = [(source, output) for source, _, failing in KINDS for output in failing]


def negated(source: JSON) -> JSON:
    if isinstance(source, str):
        return f"not-{source}"
    assert isinstance(source, dict)
    if "type" in source:
        return {**source, "type": f"not-{source['type']}"}
    return {f"not-{type_}": value for type_, value in source.items()}


def refusals(source: JSON) -> list[tuple[tuple[int | str, ...], str]]:
    """Give the places and messages of what is wrong."""
    try:
        read(source)
    except ValidationError as error:
        return [(item["loc"], item["msg"].removeprefix("Value error, ")) for item in error.errors()]
    except ValueError as error:
        return [((), str(error))]
    return []


@pytest.mark.parametrize(("source", "output"), PASSES)
async def test_a_right_output_passes(source: JSON, output: JSON | StepResult) -> None:
    """
    Given a check and an output that is right,
    when it is judged,
    then it passes, and with `not-` it fails.
    """
    said = await verdict(source, output)
    opposite = await verdict(negated(source), output)

    assert (said.status, opposite.status) == ("passed", "failed"), said.reason
    assert said.score == pytest.approx(1 - opposite.score)


@pytest.mark.parametrize(("source", "output"), FAILS)
async def test_a_wrong_output_fails(source: JSON, output: JSON | StepResult) -> None:
    """
    Given a check and an output that is wrong,
    when it is judged,
    then it fails with a reason, and with `not-` it passes.
    """
    said = await verdict(source, output)
    opposite = await verdict(negated(source), output)

    assert (said.status, opposite.status) == ("failed", "passed"), said.reason
    assert said.reason
    assert said.reason.isprintable()


def test_every_kind_is_among_these_tests() -> None:
    """
    Given the table of kinds,
    when the tests' own list is read,
    then none is missing but those that run code or ask a model, which have tests of their own.
    """
    tested = {named([read(source)])[0][1].type for source, _, _ in KINDS}

    judged = {name for name in CHECKS.names() if issubclass(CHECKS.get(name), JudgedCheck)}
    assert tested == set(CHECKS.names()) - {"python", "expression"} - judged


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)  # the first example imports the parsers
@given(output=json_values | st.text(st.characters(categories=["Cs", "Cc", "L", "N"])))
async def test_any_output_gets_a_verdict(output: JSON) -> None:
    """
    Given any JSON or text, lone surrogates and control characters among it,
    when every kind judges it, plainly and with `not-`,
    then each passes or fails with a score in 0..1, and the two never agree.
    """
    sources = [source for source, _, _ in KINDS]

    made = said(None, output=output, finish_reason="stop", logprobs=(-0.5,))
    found = await verdicts([*sources, *map(negated, sources)], evidence(made))

    assert {one.status for one in found} <= {"passed", "failed"}
    assert all(0 <= one.score <= 1 for one in found)
    for plain, opposite in zip(found[: len(sources)], found[len(sources) :], strict=True):
        assert plain.status != opposite.status


SHORTER = hostile(200_000)  # what is not bounded takes minutes over these too
SLOW_PATTERNS: list[JSON] = [
    {"regex": "(a+)+$"},
    {"regex": "(?:.*a){20}z"},
    {"regex": "(?i)b" + "a" * 900},
    {"regex": r"(a|aa)+\[$"},
    {"contains-json": {"type": "object", "properties": {"a": {"pattern": "^(b+)+$", "minLength": 2}}}},
    {"levenshtein": "ab" * 10_000},
]


def one_of_each(sources: Iterable[JSON]) -> list[JSON]:
    """Give one check of each type."""
    return list({read(source).type: source for source in sources}.values())


EACH = one_of_each(source for source, _, _ in KINDS)


async def judged_in_time(sources: Iterable[JSON], answer: str) -> None:
    """Judge an answer; each check must have a verdict with a short reason before long."""
    given_ = evidence(said(None, output=answer, finish_reason="stop", logprobs=(-0.5,)))
    for source in sources:
        started = time.process_time()

        (found,) = await verdicts([source], given_)

        assert time.process_time() - started < 5, source
        assert len(found.reason) < 2000


@pytest.mark.parametrize("name", SHORTER)
async def test_no_output_holds_up_the_run(name: str) -> None:
    """
    Given a long answer, made to be hard,
    when every kind judges it,
    then each has its verdict, and none hangs: what is not bounded takes minutes here.
    """
    await judged_in_time(EACH, SHORTER[name])


@pytest.mark.thorough
@pytest.mark.parametrize("name", SHORTER)
async def test_no_megabyte_holds_up_the_run(name: str) -> None:
    """
    Given an answer of a megabyte, made to be hard,
    when every check of these tests judges it,
    then each has its verdict.
    """
    await judged_in_time((source for source, _, _ in KINDS), hostile(MEGABYTE)[name])


@pytest.mark.parametrize("name", ["one letter", "many objects", "objects", "brackets"])
async def test_no_slow_check_holds_up_the_run(name: str) -> None:
    """
    Given an answer of a megabyte, and checks whose values are made to be slow,
    when these judge it,
    then each has its verdict.
    """
    await judged_in_time(SLOW_PATTERNS, hostile(MEGABYTE)[name])


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        ({"contians": "x"}, ("contians",), "unknown check 'contians'"),
        ({"type": "not-equal", "value": 1}, ("type",), "unknown check 'not-equal'"),
        ("is-jsn", (), "unknown check 'is-jsn'"),
        ("contains", (), "contains needs a value"),
        ({"type": "cost"}, (), "cost needs a threshold"),
        ({"contains": ""}, ("contains",), "must not be empty, for any output would do"),
        ({"contains": None}, ("contains",), "must be text, not null"),
        ({"contains-all": []}, ("contains-all",), "must be a list of texts, or one text with commas"),
        ({"not-regex": "("}, ("not-regex",), "not a regular expression: missing ) at position 1"),
        ({"regex": "a{999999999}"}, ("regex",), "its counted repeats, written out, are larger than 10000"),
        (
            {"regex": "(?:(?:a{100}){100}){100}"},
            ("regex",),
            "its counted repeats, written out, are larger than 10000",
        ),
        ({"regex": "(" * 1500 + ")" * 500}, ("regex",), "not a regular expression: nested too deeply"),
        (
            {"word-count": {"min": 3, "max": 2}},
            ("word-count",),
            "`min` is above `max`, so that no output can do",
        ),
        ({"word-count": {"maximum": 2}}, ("word-count",), "must be a number, or a map of `min` and `max`"),
        ({"cost": "cheap"}, ("cost",), "Input should be a valid number"),
        (
            {"type": "contains", "value": "x", "threshold": 2},
            ("threshold",),
            "Input should be less than or equal to 1",
        ),
        ({"type": "contains", "value": "x", "negated": True}, ("negated",), "Extra inputs are not permitted"),
        ({"type": "is-json", "wieght": 1}, ("wieght",), "Extra inputs are not permitted"),
        ({"all-of": [{"equals": 1}, {"contians": 1}]}, ("all-of", 1, "contians"), "unknown check 'contians'"),
        ({"any-of": []}, ("any-of",), "a group needs at least one check"),
        ({"k-of-n": ["is-json"]}, (), "k-of-n needs a threshold"),
        (
            {"type": "k-of-n", "threshold": 2, "value": ["is-json"]},
            ("value",),
            "has 1 checks, of which 2 can never pass; see `threshold`",
        ),
        ({"bleu": []}, ("bleu",), "must be a text with a word in it, or a list of such texts"),
        ({"similar": ["a", " "]}, ("similar",), "must be a text with a word in it, or a list of such texts"),
        (
            {"rouge-n": "a" * 100_001},
            ("rouge-n",),
            "must have at most 100,000 characters, all texts together",
        ),
        ({"perplexity": 0}, ("perplexity",), "Input should be greater than 0"),
        ("perplexity", (), "perplexity needs a threshold"),
        (
            {"is-json": {"type": "objct"}},
            ("is-json",),
            "not a JSON Schema: type: 'objct' is not valid under any of the given schemas",
        ),
        ({"contains": "x", "weight": 2}, (), "a check with options needs the key `type`"),
        (5, (), "this is no check"),
    ],
)
def test_a_wrong_check_is_refused_at_its_place(
    source: JSON, place: tuple[str | int, ...], message: str
) -> None:
    """
    Given a check that is wrong,
    when it is read,
    then the place in the file and the reason are told.
    """
    assert refusals(source) == [(place, message)]


def test_a_hint_names_the_check_that_was_meant() -> None:
    """
    Given a misspelt type with `not-`,
    when it is read,
    then the hint keeps the prefix.
    """
    with pytest.raises(ValidationError) as caught:
        read({"not-contians": "x"})

    assert caught.value.errors()[0]["ctx"]["error"].hint == "did you mean 'not-contains'?"


def test_names_default_to_the_type_and_are_counted() -> None:
    """
    Given checks of the same type, one with a name of its own,
    when they are named,
    then the rest are counted around it.
    """
    own: JSON = {"type": "contains", "value": "c", "name": "contains-2"}
    checks = [read({"contains": "a"}), read({"contains": "b"}), read(own)]

    names = [name for name, _ in named(checks)]

    assert names == ["contains", "contains-3", "contains-2"]


def test_a_name_cannot_be_used_twice() -> None:
    """
    Given two checks with one name,
    when they are named,
    then that is refused.
    """
    check = read({"type": "is-json", "name": "json"})

    with pytest.raises(ValueError, match="two checks have the name 'json'"):
        named([check, check])


def test_a_rows_own_checks_are_taken_literally() -> None:
    """
    Given a row's check that looks like a template,
    when it is read,
    then there is nothing to render, and its name counts on from the pipeline's.
    """
    own = named([read({"contains": "x"})])

    ((name, check),) = row_checks([{"contains": "{{ label }}"}], own)

    assert name == "contains-2"
    assert list(check.templates()) == []


@pytest.mark.parametrize(
    "source",
    [
        {"expression": "true"},
        {"not-python": "checks.py:good"},
        {"type": "contains", "value": "x", "when": "true"},
        {"type": "contains", "value": "x", "transform": "output"},
        {"all-of": [{"expression": "true"}]},
        {"is-json": "schemas/order.json"},
    ],
)
def test_a_rows_own_checks_run_no_code_and_open_no_file(source: JSON) -> None:
    """
    Given a row's check that would run code or read a file, perhaps inside a group,
    when it is read,
    then it is refused.
    """
    with pytest.raises(ValueError, match=r"run no code|names no file"):
        row_checks([source])


def test_all_that_is_wrong_with_a_rows_checks_is_told() -> None:
    """
    Given two wrong checks of a row,
    when they are read,
    then one message tells both, with places and hints.
    """
    with pytest.raises(ValueError, match=r"0\.contians: unknown .* 'contains'\?; 1\.regex: not a regular"):
        row_checks([{"contians": "x"}, {"regex": "("}])


def test_templates_of_a_check_are_listed_with_their_places() -> None:
    """
    Given a group with templates at several places,
    when they are asked for,
    then each comes with where it stands.
    """
    inner: JSON = {"type": "contains-all", "value": ["a", "{{ label }}"], "when": "label", "of": "reply"}
    check = read({"type": "all-of", "value": [inner], "transform": "output | upper"})

    places = {place: template.kind for place, template in check.templates()}

    assert places == {
        ("transform",): "expression",
        ("value", 0, "when"): "expression",
        ("value", 0, "value", 1): "value",
    }
    assert list(check.places_named()) == [(("value", 0, "of"), "reply")]


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_the_edit_distance_is_that_of_the_textbook(left: str, right: str) -> None:
    """
    Given two texts,
    when their distance is counted,
    then it is what the table of Wagner and Fischer gives.
    """
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (one != other))

    assert bounded_distance(left, right) == (row[-1], True)


async def test_costs_and_times_are_those_of_the_steps_together() -> None:
    """
    Given two steps,
    when a pipeline's checks hold them to limits that each keeps alone,
    then both fail.
    """
    steps = [step("x", id=name, cost_usd=0.6, latency_ms=60.0) for name in ("a", "b")]

    said = await verdicts([{"cost": 1}, {"latency": 100}], evidence(*steps, outputs={}), at=None)

    assert [one.status for one in said] == ["failed", "failed"]
    assert said[0].reason == "costs 1.2 USD; at most 1"


async def test_an_unknown_cost_is_an_error() -> None:
    """
    Given a step whose model has no price,
    when its cost is checked, plainly and with `not-`,
    then both are errors that say what to do.
    """
    said = await verdicts([{"cost": 1}, {"not-cost": 1}], evidence(step("x", cost_usd=None)))

    assert [one.status for one in said] == ["errored", "errored"]
    assert "`prices`" in said[0].reason


def test_a_check_knows_no_option_of_another() -> None:
    """
    Given a value for a kind that takes none,
    when it is read,
    then it is refused.
    """
    with pytest.raises(ValidationError, match="Extra inputs"):
        read_check({"type": "cost", "threshold": 1, "value": 1}, {"resolver": Resolver()})
