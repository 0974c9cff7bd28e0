"""Checks of structure: what they refuse, what they allow, how they end on texts made to be hard."""

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.engine.checks.bounded_sql import read_sql
from promptlab.engine.checks.sql_access import columns_of, tables_of
from promptlab.engine.checks.sql_text import DIALECTS
from tests.judged import evidence, read, step, verdict, verdicts
from tests.loading_kit import load
from tests.structure_samples import QUERY

PIPELINE = """
version: 1
inputs: {ticket: string}
dataset: [{ticket: hello}]
steps:
  - id: ask
    messages: [{role: user, content: "{{ ticket }}"}]
    checks:
      - is-json
      - not-contains-sql
      - {type: is-sql, name: sql}
"""
HARD: dict[str, tuple[str, str]] = {
    "xml of open tags": ("contains-xml", "<a>" * 300_000),
    "xml of open comments": ("contains-xml", "<!--" * 250_000),
    "xml of open quotes": ("contains-xml", "<a b='" * 160_000),
    "deep xml": ("is-xml", "<a>" * 140_000 + "</a>" * 140_000),
    "html of open tags": ("is-html", "<b>" * 300_000),
    "html of open quotes": ("is-html", "<a b='" * 160_000),
    "html that never ends a tag": ("contains-html", "<a " * 300_000),
    "deep yaml": ("is-yaml", "[" * 1_000_000),
    "yaml of maps": ("is-yaml", '{"a":' * 200_000),
    "yaml of aliases": ("is-yaml", "- &a b\n" + "- *a\n" * 200_000),
    "long sql": ("is-sql", "select a, " * 100_000),
    "sql that is tried again and again": ("is-sql", "select " + "array[" * 40),
    "deep sql": ("is-sql", "select " + "(" * 2_000),
    "no refusal": ("is-refusal", "i can't " * 125_000),
}

PIECES = [
    *"<>/=!-?&;#'\"`()[]{}:,.*|\\$%@ \n\ta1",
    *("<a>", "</a>", "<p>", "<!--", "-->", "<?", "<![CDATA[", "]]>", "&a;", "```sql\n", "```", "<!DOCTYPE a"),
    *(
        "select ",
        "from ",
        "case ",
        "cast(",
        "array[",
        "with ",
        "insert into ",
        "explain ",
        "call ",
        "/*",
        "--",
    ),
    *("- ", ": ", "? ", "&x ", "*x", "!t ", "--- ", "<<: ", "%YAML 1.2\n", "\0", "\ud800", "\x1b[31m", "{{ "),
]


@pytest.mark.parametrize("name", HARD)
async def test_no_text_holds_up_a_parser(name: str) -> None:
    """
    Given a text that is made to keep a parser busy for minutes,
    when it is judged,
    then there is a verdict, an error where it cannot be told, and it does not hang.
    """
    kind, text = HARD[name]
    started = time.process_time()

    said = await verdict(kind, text)

    assert said.status in ("failed", "passed", "errored")
    assert said.reason.isprintable()
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (
            "is-sql",
            "select " + "a, " * 40_000,
            "is too long to be parsed (120,007 characters; at most 50,000)",
        ),
        ("is-sql", "select " + "a," * 10_000, "is too long to be parsed (more than 3,000 words and signs)"),
        ("is-sql", "select " + "array[" * 30 + "1" + "]" * 30, "is too entangled to be parsed"),
        ("is-yaml", "- a\n" * 50_000, "has more than 15,000 parts, too many to be parsed as YAML"),
        ("is-html", "<p>a</p>" * 50_000, "has more than 30,000 tags, too many to be looked at"),
        ("contains-xml", "<p>a</p>" * 50_000, "has more than 30,000 tags, too many to be looked at"),
    ],
)
async def test_what_is_too_much_to_parse_is_an_error(kind: str, text: str, reason: str) -> None:
    """
    Given a text with too much in it to be parsed in a moment,
    when it is judged, plainly and with `not-`,
    then both are errors that say why.
    """
    said = [await verdict(kind, text), await verdict(f"not-{kind}", text)]

    assert [(one.status, one.reason) for one in said] == [("errored", reason)] * 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
async def test_any_text_of_signs_gets_a_verdict(text: str) -> None:
    """
    Given any text of the signs that mean something to a parser,
    when every kind of text judges it, plainly and with `not-`,
    then each passes or fails, and the two never agree.
    """
    kinds = ["is-xml", "contains-xml", "is-html", "contains-html", "is-sql", "contains-sql", "is-yaml"]

    said = await verdicts([*kinds, *(f"not-{kind}" for kind in kinds)], evidence(step(text)))

    assert {one.status for one in said} <= {"passed", "failed"}
    assert all(one.score + other.score == 1 for one, other in zip(said[:7], said[7:], strict=True))


async def test_terminal_escapes_of_an_answer_are_in_no_reason() -> None:
    """
    Given texts with terminal escapes, NUL and half surrogates where parsers complain,
    when every kind of text is checked,
    then no reason has them.
    """
    kinds: list[JSON] = ["is-xml", "is-html", "is-sql", "is-yaml", "is-json", "is-refusal"]
    for text in ("\x1b[31m<a", "select \x1b[2J from", "a: \0", "\ud800", "i cannot\x1b", "'\x1b"):
        said = await verdicts(kinds, evidence(step(text)))

        assert all(one.reason.isprintable() for one in said)


def test_a_check_without_its_extra_is_refused_at_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given an installation without the extra `sql`,
    when a pipeline with checks of SQL is loaded,
    then each is a problem at its line, with the command that installs it.
    """
    monkeypatch.setitem(sys.modules, "sqlglot", None)

    loaded = load(PIPELINE)

    assert loaded.problems == [
        "9:9: steps.checks: not-contains-sql needs the extra `sql`",
        "10:16: steps.checks.type: is-sql needs the extra `sql`",
    ]
    assert set(loaded.hints) == {"pip install 'promptlab-pipelines[sql]'"}
    assert {problem.code for problem in loaded.found} == {"extra"}


def test_with_the_extra_there_is_nothing_to_refuse() -> None:
    """
    Given an installation with the extra `sql`,
    when the same pipeline is loaded,
    then it has no problem.
    """
    assert load(PIPELINE).problems == []


@pytest.mark.parametrize("name", sorted(set(DIALECTS.values())))
def test_a_dialect_that_can_be_named_is_there(name: str) -> None:
    """
    Given the dialects that `databaseType` may name,
    when a query is read in each,
    then there is such a dialect.
    """
    assert [statement.key for statement in read_sql(QUERY, name)] == ["select"]


@pytest.mark.parametrize(
    ("query", "tables", "columns"),
    [
        (
            "SELECT a, t.b, count(*) FROM s.t JOIN (SELECT c FROM u) x ON x.c = t.d",
            ["select::s::t", "select::null::u"],
            ["select::null::a", "select::t::b", "select::t::d", "select::null::c"],
        ),
        (
            "SELECT o.*, * FROM orders o",
            ["select::null::orders"],
            ["select::orders::(.*)", "select::null::(.*)"],
        ),
        ("INSERT INTO t (a, b) VALUES (1, 2)", ["insert::null::t"], ["insert::t::a", "insert::t::b"]),
        ("INSERT INTO t SELECT a FROM u", ["insert::null::t", "select::null::u"], ["select::null::a"]),
        ("UPDATE t SET a = 1", ["update::null::t"], ["update::null::a"]),
        ("DROP TABLE t", ["drop::null::t"], []),
        ("TRUNCATE TABLE t", ["truncate::null::t"], []),
        ("WITH c AS (SELECT a FROM t) SELECT d.a FROM c d", ["select::null::t"], ["select::null::a"]),
        ("WITH t AS (SELECT 1 FROM t) SELECT 1 FROM t", ["select::null::t"], []),
        ("WITH RECURSIVE r AS (SELECT 1 UNION SELECT 1 FROM r) SELECT 1 FROM r", [], []),
        ("SELECT payload.secret FROM t", ["select::null::t"], ["select::payload::secret"]),
    ],
)
def test_what_a_query_uses_is_known(query: str, tables: list[str], columns: list[str]) -> None:
    """
    Given a statement,
    when it is asked what tables and columns it uses,
    then aliases are followed, and what a WITH or a subquery names is none of its own.
    """
    statements = read_sql(query, None)

    assert [str(use) for use in tables_of(statements)] == tables
    assert [str(use) for use in columns_of(statements)] == columns


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ({"allowedTables": ["orders"]}, "passed"),
        ({"allowedTables": ["ORDERS", "users"]}, "passed"),
        ({"allowedTables": ["order"]}, "failed"),
        ({"allowedTables": ["(select|insert)::null::orders"]}, "passed"),
        ({"allowedTables": ["insert::null::orders"]}, "failed"),
        ({"allowedTables": ["select::shop::orders"]}, "failed"),
        ({"allowedColumns": ["orders.id", "total"]}, "passed"),
        ({"allowedColumns": ["select::orders::id", "select::null::total"]}, "passed"),
        ({"allowedColumns": ["id"]}, "failed"),
        ({"databaseType": "MySQL", "allowedTables": ["orders"], "allowedColumns": ["id", "total"]}, "passed"),
    ],
)
async def test_only_what_is_allowed_may_be_used(allowed: JSON, status: str) -> None:
    """
    Given a query of `orders.id` and `total`,
    when it is held to tables and columns that are allowed,
    then it passes where all that it uses is among them.
    """
    said = await verdict({"is-sql": allowed}, QUERY)

    assert said.status == status, said.reason


@pytest.mark.parametrize(
    ("allowed", "query", "reason"),
    [
        ("allowedTables", QUERY, "is SQL that uses the table 'orders' in a select, which is not allowed"),
        (
            "allowedTables",
            "INSERT INTO shop.orders VALUES (1)",
            "is SQL that uses the table 'shop.orders' in an insert, which is not allowed",
        ),
        (
            "allowedColumns",
            QUERY,
            "is SQL that uses the column 'orders.id' in a select, which is not allowed",
        ),
        (
            "allowedColumns",
            "select * from t",
            "is SQL that uses the column '*' in a select, which is not allowed",
        ),
    ],
)
async def test_what_is_not_allowed_is_told_in_words(allowed: str, query: str, reason: str) -> None:
    """
    Given SQL that uses what it may not,
    when it is judged,
    then the reason names it as a person would.
    """
    said = await verdict({"is-sql": {allowed: ["x"]}}, query)

    assert said.reason == reason


async def test_a_star_is_no_column_that_is_allowed() -> None:
    """
    Given queries of all columns,
    when some columns are allowed, or all,
    then it passes only with all.
    """
    one: JSON = {"is-sql": {"allowedColumns": ["id"]}}
    every: JSON = {"is-sql": {"allowedColumns": ["*"]}}

    said = [(await verdict(check, "select * from t")).status for check in (one, every)]

    assert said == ["failed", "passed"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"is-sql": "mysql"}, "must be a map of `databaseType`"),
        (
            {"is-sql": {"databaseType": "postgre"}},
            "'postgre'; did you mean 'postgres'?",
        ),
        ({"is-sql": {"allowedTables": "orders"}}, "`allowedTables` must be a list of names"),
        ({"is-sql": {"allowedTables": ["select::(::x"]}}, "not a regular expression"),
        ({"is-xml": 5}, "must be a list of elements"),
        ({"is-xml": ["a", " "]}, "must be a list of elements"),
        ({"is-yaml": {"type": "objct"}}, "not a JSON Schema"),
        ({"finish-reason": "lenght"}, "there is no reason 'lenght'; did you mean 'length'?"),
        ({"finish-reason": []}, "must be a reason, or a list of them"),
        ({"type": "is-html", "value": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_value_is_refused(source: JSON, message: str) -> None:
    """
    Given a check whose value is wrong,
    when it is read,
    then the reason is told.
    """
    with pytest.raises(ValueError, match=r"1 validation error") as refused:
        read(source)

    assert message in str(refused.value)


async def test_a_refusal_is_known_by_how_the_model_ended() -> None:
    """
    Given an answer in other words, that a filter cut off,
    when it is asked whether it is a refusal,
    then it is, and the reason says how it is known.
    """
    (said,) = await verdicts(["is-refusal"], evidence(step("", finish_reason="content_filter")))

    assert (said.status, said.reason) == ("passed", "ended with content_filter")


async def test_all_models_must_have_ended_so() -> None:
    """
    Given two steps, one of which was cut off,
    when the outputs are asked how they ended,
    then it fails, and `of` looks at one step.
    """
    steps = [step("x", id="a", finish_reason="stop"), step("x", id="b", finish_reason="length")]
    one: JSON = {"type": "finish-reason", "value": "stop", "of": "a"}

    said = await verdicts([{"finish-reason": "stop"}, one], evidence(*steps, outputs="x"), at=None)

    assert [(verdict.status, verdict.reason) for verdict in said] == [
        ("failed", "ended with length, not stop"),
        ("passed", "ended with stop"),
    ]


@pytest.mark.parametrize("source", [{"finish-reason": "stop"}, {"turns": 1}])
async def test_where_no_model_was_asked_there_is_nothing_to_judge(source: JSON) -> None:
    """
    Given a step that asked no model,
    when it is asked how the model ended, or how many turns it took,
    then that is an error.
    """
    said = await verdict(source, "x")

    assert said.status == "errored"
    assert "no model was asked" in said.reason
