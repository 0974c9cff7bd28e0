"""Problems: shown as text, JSON, annotations and SARIF; escaped, masked, bounded."""

import json
import re

import pytest

from promptlab.core.display import cells, escaped, is_secret_name, masked, shown
from promptlab.core.json import JSON
from promptlab.core.suggest import suggest
from promptlab.loader.problem_formats import as_github, as_json, as_sarif, as_text, first_as_text
from promptlab.loader.problems import InvalidPipeline, Position, Problems
from promptlab.loader.source_text import SourceText

KNOWN = ("name", "model", "steps", "inputs")


def one_problem(text: str, line: int, column: int, message: str = "wrong", width: int = 1) -> Problems:
    problems = Problems()
    source = SourceText("a.yaml", text)
    problems.add(source, Position(line, column), message, code="test", hint="do better", width=width)
    return problems


def test_a_problem_is_shown_with_its_line_and_a_caret_below() -> None:
    """
    Given a problem in the second line of a file,
    when it is shown as text,
    then place and message come first, the line and a caret below it, and the hint last.
    """
    problems = one_problem("version: 1\nstesp: []\n", 2, 1, "unknown key 'stesp'", width=5)

    text = as_text(problems)

    assert text.split("\n") == [
        "a.yaml:2:1: error: unknown key 'stesp'",
        "2 | stesp: []",
        "  | ^^^^^",
        "  = help: do better",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2Jx", "\\u001b[2Jx"),
        ("a\u200bb", "a\\u200bb"),
        ("\u202egnp", "\\u202egnp"),
        ("n\u0430me", "n\\u0430me"),
        ("größe Привет 名", "größe Привет 名"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_does_not_show_as_itself_is_escaped(text: str, expected: str) -> None:
    """
    Given control, zero-width, bidi characters and words that mix scripts,
    when they are shown,
    then they are escaped, and honest words of any script are not.
    """
    assert escaped(text) == expected


@pytest.mark.parametrize(
    "line",
    [
        "api_key: SECRET",
        '{"openai-api-key": "SECRET"}',
        "password = SECRET",
        "url: https://user:SECRET@api.example.com/v1",
        "x: sk-proj-SECRETSECRETSECRET",
        "Authorization: Bearer SECRETSECRET",
        "x: ghp_SECRETSECRETSECRETSECRET",
    ],
)
def test_what_looks_like_a_key_is_never_echoed(line: str) -> None:
    """
    Given a line with something that looks like a secret,
    when a problem is shown in it, with the line and the value in its message,
    then no form of output has the secret.
    """
    problems = one_problem(line, 1, 1, f"no good: {line}")

    outputs = [form(problems) for form in (as_text, as_json, as_github, as_sarif)]

    assert not [output for output in outputs if "SECRET" in output]


def test_a_secret_on_the_line_below_its_key_is_masked_too() -> None:
    """
    Given a block text under a key called password,
    when a problem points into the block,
    then its line is not shown.
    """
    problems = one_problem("a:\n  password: |\n    hunter2\n", 3, 5)

    assert "hunter2" not in as_text(problems)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True),
        ("apiKey", True),
        ("X-Token", True),
        ("max_tokens", False),
        ("monkey", False),
        ("keys", False),
    ],
)
def test_names_of_secrets_are_known(name: str, secret: object) -> None:
    """
    Given names of keys,
    when they are looked at,
    then those that name a secret are told from those that only sound alike.
    """
    assert is_secret_name(name) == secret


def test_limits_and_references_to_the_environment_are_not_masked() -> None:
    """
    Given a limit in tokens and a reference to the environment,
    when the lines are masked,
    then they stay as they are.
    """
    lines = ["total_tokens: 200000", 'api_key: "${VLLM_KEY}"', "api_key: ${VLLM_KEY}"]

    assert [masked(line) for line in lines] == lines


def test_a_caret_stands_below_its_character_whatever_stands_before() -> None:
    """
    Given a line with an escape, wide characters and a tab before the fault,
    when the problem is shown,
    then the caret stands below it.
    """
    problems = one_problem("名\x1b\tx: !", 1, 7)

    snippet, caret = as_text(problems).split("\n")[1:3]

    assert cells(snippet[: snippet.index("!")]) == caret.index("^")


def test_a_long_line_is_cut_around_the_caret() -> None:
    """
    Given a line of 150,000 characters,
    when a problem stands far inside it,
    then the snippet stays short and has the place in it.
    """
    problems = one_problem("x" * 100_000 + "!" + "x" * 50_000, 1, 100_001)

    problem = next(iter(problems))

    assert problem.snippet is not None
    assert len(problem.snippet) < 200
    assert problem.snippet[problem.caret] == "!"


def test_the_first_ten_thousand_are_kept_and_the_rest_counted() -> None:
    """
    Given 12,000 problems,
    when they are shown,
    then ten thousand are, and the rest is a number; hints beyond are not even worked out.
    """
    problems = Problems()
    asked: list[int] = []

    def hint() -> str:
        asked.append(1)
        return "help"

    for number in range(12_000):
        problems.add("a.yaml", Position(number + 1, 1), "wrong", code="test", hint=hint)

    text = as_text(problems)

    assert text.endswith("and 2,000 more")
    assert (len(problems), len(list(problems)), len(asked)) == (12_000, 10_000, 10_000)


def test_who_wants_to_run_sees_the_first_hundred() -> None:
    """
    Given 119 problems,
    when they stand in the way of a run,
    then a hundred are shown, and who lists the others is said.
    """
    problems = Problems()
    for number in range(119):
        problems.add("a.yaml", Position(number + 1, 1), "wrong", code="test")

    text = first_as_text(problems)

    assert text.count("a.yaml:") == 100
    assert text.endswith("and 19 more; promptlab validate lists them all")


def test_every_format_says_that_there_are_more_than_it_lists() -> None:
    """
    Given a problem more than are kept,
    when they are written in each format,
    then each says how many it leaves out.
    """
    problems = Problems(kept=1)
    for number in range(3):
        problems.add("a.yaml", Position(number + 1, 1), "wrong", code="test")

    said = [write(problems) for write in (as_text, as_json, as_github, as_sarif)]

    assert [re.search(r"and 2 more|\"more\": 2", text) is not None for text in said] == [True] * 4


def test_problems_are_raised_together() -> None:
    """
    Given a warning, then an error,
    when problems are raised,
    then only the error makes it so, with exit code 2 and its place in the message.
    """
    problems = Problems()
    problems.add("a.yaml", Position(1, 1), "odd", code="test", severity="warning")
    problems.raise_errors()
    problems.add("a.yaml", Position(3, 4), "wrong", code="test")

    with pytest.raises(InvalidPipeline, match=r"a\.yaml:1:1: odd \(and 1 more\)") as raised:
        problems.raise_errors()

    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Name", "name"),
        ("stesp", "steps"),
        ("n\u0430me", "name"),
        ("model\u200b", "model"),
        ("zzz", None),
        ("x" * 5000, None),
    ],
)
def test_the_name_that_was_meant_is_found(word: str, expected: str | None) -> None:
    """
    Given a word of other case, with a slip, a look-alike letter or an invisible one,
    when a known name is sought,
    then the one that was meant is found, and none where nothing is near.
    """
    assert suggest(word, KNOWN) == expected


def test_annotations_cannot_be_broken_out_of() -> None:
    """
    Given a file name and a message with the characters that part workflow commands,
    when it is shown as an annotation,
    then they are escaped and it stays one line.
    """
    problems = Problems()
    problems.add("a,b:c.yaml", Position(1, 2), "50% \n::warning::x", code="test", hint="help")

    line = as_github(problems)

    assert line == (
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=promptlab test::50%25 \\u000a::warning::x%0Ahelp"
    )


def test_json_and_sarif_say_where_and_what() -> None:
    """
    Given one problem,
    when it is shown as JSON and as SARIF,
    then both are one document that names place, code and message.
    """
    problems = one_problem("a: 1\n", 1, 4)

    found = json.loads(as_json(problems))["problems"][0]
    result = json.loads(as_sarif(problems))["runs"][0]["results"][0]

    assert (found["file"], found["line"], found["column"], found["code"]) == ("a.yaml", 1, 4, "test")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 4}
    assert (result["ruleId"], result["level"]) == ("test", "error")


def test_values_are_quoted_short() -> None:
    """
    Given values of all kinds,
    when messages quote them,
    then text is quoted and shortened, and all else is said as JSON or by its kind.
    """
    values: list[JSON] = [True, 1, 1.5, None, "a", [1, 2], {"a": 1}]

    assert [shown(value) for value in values] == ["true", "1", "1.5", "null", "'a'", "a list of 2", "a map"]
    assert len(shown("x" * 5000)) < 70
