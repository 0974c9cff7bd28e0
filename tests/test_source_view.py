"""A file as pages show it: its lines, what is told apart in them, and problems under them."""

import pytest

from promptlab.loader.problems import Problem
from promptlab.web.source import MOST_CHARACTERS, MOST_LINES, Language, parts_of, source_part

TEXT = 'steps:\n  - id: say  # aloud\n    prompt: prompts/a.j2\n    when: "{{ x }}"\n'


def told(text: str, language: Language = "yaml", **links: str) -> list[list[tuple[str, str]]]:
    part = source_part(text, 1, language=language, links=dict.fromkeys(links.values(), "/x"))
    return [[(token.kind, token.text) for token in line.tokens] for line in part.lines]


def test_keys_comments_code_and_names_are_told_apart() -> None:
    """
    Given lines of a pipeline,
    when they are shown,
    then keys, comments, templates and names of files are told apart, and nothing is lost.
    """
    lines = told(TEXT, prompt="prompts/a.j2")

    assert lines == [
        [("key", "steps"), ("text", ":")],
        [("key", "  - id"), ("text", ": say  "), ("comment", "# aloud")],
        [("key", "    prompt"), ("text", ": "), ("link", "prompts/a.j2")],
        [("key", "    when"), ("text", ': "'), ("code", "{{ x }}"), ("text", '"')],
    ]


def test_names_are_links_only_as_a_whole() -> None:
    """
    Given a line in which the name of a file is part of another one,
    when it is shown,
    then only the name as a whole is a link, and of two names the longer one.
    """
    (line,) = told("a/prompts/a.j2 prompts/a.j2x prompts/a.j2-old prompts/a.j2", one="prompts/a.j2")

    assert [text for kind, text in line if kind == "link"] == ["prompts/a.j2"]


def test_a_template_has_its_own_comments() -> None:
    """
    Given a template with headings and comments,
    when it is shown,
    then what begins with a hash is text, and its comments are comments.
    """
    assert told("# Rules {# why #}{% if a %}", "template") == [
        [("text", "# Rules "), ("comment", "{# why #}"), ("code", "{% if a %}")]
    ]


@pytest.mark.parametrize(
    ("line", "column", "left"),
    [("key: wrod", 6, 5), ("\tkey: wrod", 7, 9), ("界: wrod", 4, 4), ("a\u202e: wrod", 5, 9)],
)
def test_a_caret_stands_under_what_is_wrong(line: str, column: int, left: int) -> None:
    """
    Given a problem in a line with tabs, wide or hidden characters,
    when the line is shown,
    then the caret is as many columns in as what is before it takes.
    """
    problem = Problem("p.yaml", 1, column, "'wrod' is not defined", "undefined", width=4)

    (shown,) = source_part(line, 1, language="yaml", problems=[problem]).lines

    (mark,) = shown.marks
    text = "".join(token.text for token in shown.tokens)
    assert (mark.left, mark.width) == (left, 4)
    assert "\u202e" not in text


def test_a_long_file_is_shown_in_parts() -> None:
    """
    Given a file of many lines, and one of long lines,
    when a line of it is asked for,
    then the part that has it comes, with what leads to those beside it, and addresses name their part.
    """
    many, long = "a\n" * 1000, ("x" * 390 + "\n") * 200

    part, first = source_part(many, 450, language="yaml"), source_part(long, 1, language="yaml")

    assert (part.lines[0].number, part.lines[-1].number) == (MOST_LINES + 1, 2 * MOST_LINES)
    assert (part.before, part.after, part.count) == (1, 2 * MOST_LINES + 1, 1000)
    assert sum(len(token.text) for line in first.lines for token in line.tokens) <= MOST_CHARACTERS
    parts = parts_of(many.split("\n"))
    assert parts.address("/p", 7) == "/p#L7"
    assert parts.address("/p", 450) == f"/p?line={MOST_LINES + 1}#L450"
    assert source_part(many, 10**6, language="yaml").lines[-1].number == 1000
