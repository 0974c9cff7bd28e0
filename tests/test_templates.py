"""The static analysis of templates: uses, guards, includes, comparisons, problems; and the trial."""

import time

import pytest

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.blocking import BlockingRenderer
from promptlab.loader.template_trials import trial
from promptlab.loader.templates import Analysis, Origin, TemplateProblem, analyse, included_names
from promptlab.schemas.template import Template, TemplateKind

type Uses = set[tuple[str, tuple[str | int, ...], bool]]


def analysed(source: str, **library: str) -> Analysis:
    sources = {f"{name}.j2": text for name, text in library.items()}
    return analyse(Template("prompt", source, "prompts/main.j2", {"main.j2": source, **sources}))


def analysed_as(kind: TemplateKind, source: str) -> Analysis:
    return analyse(Template(kind, source, "steps.x.when"))


def uses(analysis: Analysis) -> Uses:
    return {(use.name, use.path, use.guarded) for use in analysis.uses}


def tried(source: str, names: Names | None = None) -> TemplateProblem | None:
    template = Template("prompt", source, "prompts/main.j2")
    with BlockingRenderer() as renderer:
        return trial(renderer, template, analyse(template), names)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ a }}{{ b.c[0]['d e'] }}", {("a", (), False), ("b", ("c", 0, "d e"), False)}),
        ("{% if false %}{{ dead }}{% endif %}", {("dead", (), False)}),
        ("{{ a[b].c }}", {("a", (), False), ("b", (), False)}),
        ("{{ a.items() }}{{ a.b.upper() }}", {("a", (), False), ("a", ("b",), False)}),
        ("{% set x = a.b %}{{ x.c }}", {("a", ("b",), False), ("a", ("b", "c"), False)}),
        ("{% set x = 1 %}{{ x }}", set()),
        (
            "{% for x in a %}{{ x.b }}{{ loop.index }}{% endfor %}",
            {("a", (), False), ("a", ("[]", "b"), False)},
        ),
        ("{% for k, v in a.items() %}{{ k }}{{ v }}{% endfor %}", {("a", (), False)}),
        ("{% for x in [1] %}{% endfor %}{{ x }}", {("x", (), False)}),
        (
            "{% macro m(p, q=d) %}{{ p }}{{ free }}{% endmacro %}{{ m(a) }}",
            {(n, (), False) for n in ("a", "d", "free")},
        ),
        ("{% with x = a %}{{ x.b }}{% endwith %}", {("a", (), False), ("a", ("b",), False)}),
        (
            "{% if a %}{% set x = 1 %}{% else %}{% set x = b %}{% endif %}{{ x.y }}",
            {("a", (), False), ("b", (), False)},
        ),
        ("{{ a | default('x') }}", {("a", (), True)}),
        ("{{ a.b | default(c) }}", {("a", ("b",), True), ("c", (), False)}),
        ("{{ a | trim | default('x') }}", {("a", (), False)}),
        ("{{ (a if b else c) | default(1) }}", {("a", (), True), ("b", (), False), ("c", (), True)}),
        ("{% if a is defined %}{{ a.b }}{% endif %}", {("a", (), True), ("a", ("b",), True)}),
        ("{% if a is not defined %}x{% else %}{{ a }}{% endif %}", {("a", (), True)}),
        ("{% if a is not defined %}{{ a }}{% endif %}", {("a", (), True), ("a", (), False)}),
        ("{% if a is defined and a.b > 1 %}{% endif %}", {("a", (), True), ("a", ("b",), True)}),
        (
            "{% if a is defined or b %}{{ a }}{% endif %}",
            {("a", (), True), ("b", (), False), ("a", (), False)},
        ),
        ("{{ a if a is defined else 'x' }}", {("a", (), True)}),
        (
            "{% if s.status == 'passed' %}{{ s.output.x }}{% endif %}",
            {("s", ("status",), False), ("s", ("output", "x"), True)},
        ),
        (
            "{% if a is defined %}{% elif b %}{{ a }}{% endif %}",
            {("a", (), True), ("b", (), False), ("a", (), False)},
        ),
        ("{% system %}{{ a }}{% endsystem %}{% messages b %}", {("a", (), False), ("b", (), False)}),
        (
            "{% filter upper %}{{ a }}{% endfilter %}{% set t %}{{ b }}{% endset %}{{ t }}",
            {("a", (), False), ("b", (), False)},
        ),
        ("{{ namespace(x=1).x }}{{ range(3) | list }}{{ dict(a=1) }}", set()),
    ],
)
def test_every_use_of_an_outside_name_is_found(source: str, expected: Uses) -> None:
    """
    Given a template with names in scopes, branches and guards,
    when it is analysed,
    then each use of a name from outside is there with its path and whether it is guarded.
    """
    analysis = analysed(source)

    assert uses(analysis) == expected
    assert analysis.problems == ()


def test_a_use_has_its_position() -> None:
    """
    Given a name that stands in text too,
    when the template is analysed,
    then the position is the one inside the tag.
    """
    use = analysed("Hello\r\nticket: {{ ticket.body }}").uses[0]

    assert (use.line, use.column, use.template) == (2, 12, "prompts/main.j2")


def test_uses_of_included_templates_bear_their_name() -> None:
    """
    Given includes, parents and imports,
    when a template is analysed,
    then their uses count, under the names of their files.
    """
    analysis = analysed(
        "{% extends 'base.j2' %}{% block b %}{% include 'part.j2' %}{% endblock %}",
        base="{{ top }}{% block b %}{{ replaced }}{% endblock %}{% block c %}{{ kept }}{% endblock %}",
        part="{% import 'lib.j2' as lib %}\n{{ lib.say(inner) }}",
        lib="{% macro say(x) %}{{ x }}{% endmacro %}",
    )

    assert {(use.name, use.template, use.line) for use in analysis.uses} == {
        ("top", "prompts/base.j2", 1),
        ("kept", "prompts/base.j2", 1),
        ("inner", "prompts/part.j2", 2),
    }
    assert set(analysis.includes) == {"base.j2", "part.j2", "lib.j2"}
    assert analysis.problems == ()


def test_literals_that_are_compared_are_found() -> None:
    """
    Given comparisons of paths with strings,
    when a template is analysed,
    then each literal is there with its path.
    """
    source = (
        "c.output == 'a' or 'b' != c.output or c.output in ['d', 'e'] or c.output not in ('f',) or x > 'g'"
    )

    analysis = analysed_as("expression", source)

    assert {(found.path, found.literal) for found in analysis.comparisons} == {
        (("output",), x) for x in "abdef"
    }
    assert [found.column for found in analysis.comparisons][:1] == [14]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("r.output is defined", {Origin("r", ("output",))}),
        ("r.status == 'passed' and x", {Origin("r", ("output",)), Origin("r", ("messages",))}),
        ("not (a is undefined or b is undefined)", {Origin("a"), Origin("b")}),
        ("a is defined or b is defined", set()),
    ],
)
def test_an_expression_says_what_it_ensures(source: str, expected: set[Origin]) -> None:
    """
    Given a condition,
    when it is analysed,
    then what is surely defined where it holds is told.
    """
    assert analysed_as("expression", source).ensured == expected


def test_spliced_inputs_are_told() -> None:
    """
    Given a messages tag,
    when its template is analysed,
    then the use inside it is told, so that the input's type can be checked.
    """
    assert [use.name for use in analysed("{% messages history[-2:] %}{{ x }}").splices] == ["history"]


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "message", "hint"),
    [
        ("Hi {{ a", "unclosed", 1, 4, "'{{' is never closed", "}}"),
        ("{% if a", "unclosed", 1, 1, "'{%' is never closed", "%}"),
        ("x\n {% for i in [1] %}y", "unclosed", 2, 2, "{% for %} is never closed", "{% endfor %}"),
        ("{% system %}x", "unclosed", 1, 1, "{% system %} is never closed", "{% endsystem %}"),
        ("x {# never", "unclosed", 1, 3, "'{#' is never closed", "#}"),
        ("{% raw %} x", "unclosed", 1, 1, "'{% raw %}' is never closed", "{% endraw %}"),
        ("{% shell %}", "unknown-tag", 1, 4, "unknown tag 'shell'", None),
        ("{% systm %}x{% endsystm %}", "unknown-tag", 1, 4, "unknown tag 'systm'", "did you mean 'system'?"),
        ("{% do x %}", "unknown-tag", 1, 4, "unknown tag 'do'", "cannot change data"),
        ("{% debug %}", "unknown-tag", 1, 4, "unknown tag 'debug'", "promptlab render"),
        ("{% autoescape true %}x{% endautoescape %}", "unknown-tag", 1, 4, "no autoescape", "leave it out"),
        ("{{ a b }}", "syntax", 1, 6, "cannot stand here", "}}"),
        ("{{ a|uper }}", "unknown-filter", 1, 6, "no filter 'uper'", "did you mean 'upper'?"),
        ("{{ [1]|map('uper') }}", "unknown-filter", 1, 13, "no filter 'uper'", "did you mean 'upper'?"),
        ("{{ ''|attr('x') }}", "unknown-filter", 1, 7, "no filter 'attr'", "brackets"),
        ("{{ 1 is evn }}", "unknown-test", 1, 9, "no test 'evn'", "did you mean 'even'?"),
        ("{{ rnge(3) }}", "unknown-function", 1, 4, "no function 'rnge'", "did you mean 'range'?"),
        ("{{ '{}'.format(1) }}", "unknown-method", 1, 9, "no method 'format'", "~"),
        ("{{ a.append(1) }}", "unknown-method", 1, 6, "no method 'append'", "cannot be changed"),
        ("{{ a.__class__ }}", "forbidden-attribute", 1, 6, "'__class__' cannot be reached", None),
        ("{{ a['__class__'] }}", "forbidden-attribute", 1, 7, "'__class__' cannot be reached", None),
        ("{% include x %}", "include-dynamic", 1, 4, "constant name", None),
        (
            "{% include 'x/elsewhere.txt' %}",
            "include-missing",
            1,
            13,
            "no template 'prompts/x/elsewhere.txt'",
            "prompts/",
        ),
        ("{% include 'prt.j2' %}", "include-missing", 1, 13, "no template", "did you mean 'part.j2'?"),
        ("{% include '../../etc/passwd' %}", "include-forbidden", 1, 13, "cannot be used", "below prompts/"),
        ("{% include '/etc/passwd.txt' %}", "include-forbidden", 1, 13, "cannot be used", "relative"),
        ("{% include '.env' %}", "include-forbidden", 1, 13, "cannot be used", "hidden"),
        ("{% include 'x.py' %}", "include-forbidden", 1, 13, "cannot be used", ".j2, .md, .txt"),
        ("{% include 'main.j2' %}", "include-cycle", 1, 13, "main.j2 → main.j2", "circle"),
        ("{% from 'lib.j2' import sya %}", "unknown-import", 1, 25, "no macro 'sya'", "did you mean 'say'?"),
        ("{% import 'peek.j2' as p %}", "hidden-name", 1, 22, "not seen by an imported template", "argument"),
        (
            "{% block a %}{% endblock %}\n{% block a %}{% endblock %}",
            "duplicate-block",
            2,
            10,
            "defined twice",
            None,
        ),
        (
            "{% user %}{% system %}x{% endsystem %}{% enduser %}",
            "nested-role",
            1,
            14,
            "cannot be nested",
            None,
        ),
        (
            "{% extends 'part.j2' %}{% system %}x{% endsystem %}",
            "stray-role",
            1,
            1,
            "inside its blocks",
            None,
        ),
        ("a\n\x00", "control-character", 2, 1, "U+0000", None),
        ("x" * 1_000_001, "too-large", 1, 1, "larger than", None),
        ("{{ " + "(" * 500 + ")" * 500 + " }}", "too-deep", 1, 1, "nested too deeply", None),
        ("{{ " + "9" * 5000 + " }}", "syntax", 1, 1, "no template", None),
    ],
)
def test_problems_say_where_what_and_what_to_do(
    source: str, code: str, line: int, column: int, message: str, hint: str | None
) -> None:
    """
    Given a template with a mistake,
    when it is analysed,
    then the problem has its place, a message, and a hint where there is one.
    """
    library = {
        "part": "x",
        "lib": "{% macro say() %}{% endmacro %}",
        "peek": "{% macro peek() %}{{ secret }}{% endmacro %}",
    }

    problem = analysed(source, **library).problems[0]

    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert message in problem.message
    assert hint is None or (problem.hint is not None and hint in problem.hint)


def test_a_circle_of_includes_is_told_with_its_chain() -> None:
    """
    Given templates that include each other,
    when one is analysed,
    then the chain is told once, at the include that closes it.
    """
    problems = analysed("{% include 'a.j2' %}", a="{% include 'b.j2' %}", b="\n{% include 'a.j2' %}").problems

    assert [(problem.name, problem.line) for problem in problems] == [("prompts/b.j2", 2)]
    assert problems[0].message.endswith("a.j2 → b.j2 → a.j2")


def test_role_tags_stand_in_prompts_only() -> None:
    """
    Given a text with a role tag,
    when it is analysed,
    then the hint says where role tags belong.
    """
    problem = analysed_as("text", "{% system %}x{% endsystem %}").problems[0]

    assert problem.hint == "role tags stand in prompt templates only"


def test_included_names_are_those_that_may_be_read() -> None:
    """
    Given a prompt that names other templates,
    when the names are collected,
    then only constant, allowed ones are there, each once.
    """
    source = "{% include 'a.j2' %}{% import 'b/c.md' as c %}{% include x %}{% include '../d.j2' %}"

    assert included_names(source * 2) == ("a.j2", "b/c.md")
    assert included_names("{% include 'a.j2'") == ()


@pytest.mark.parametrize(
    "source",
    [
        "{{a}}" * 200_000,
        "{{ [" + "1," * 400_000 + "] }}",
        "{{ a" + "|trim" * 100_000 + " }}",
        "{% set a=1 %}" * 70_000,
        "\n" * 900_000 + "{{ a ",
        "{#" * 400_000,
    ],
)
def test_huge_templates_are_judged_soon(source: str) -> None:
    """
    Given up to a megabyte of tags,
    when it is analysed,
    then there is a problem within two seconds.
    """
    began = time.process_time()

    problems = analysed(source).problems

    assert len(problems) == 1
    assert time.process_time() - began < 20


def test_includes_that_multiply_are_judged_soon() -> None:
    """
    Given thirty templates that each include the next one twice,
    when the first is analysed,
    then it is refused instead of walked a thousand million times.
    """
    library = {f"t{n}": f"{{% include 't{n + 1}.j2' %}}" * 2 for n in range(30)}

    problems = analysed("{% include 't0.j2' %}", **library, t30="x").problems

    assert "too-large" in {problem.code for problem in problems}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ 1 / 0 }}", "render-type"),
        ("{% for i in range(10**9) %}{% endfor %}", "render-limit"),
        (
            "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
            "render-limit",
        ),
        ("{% set f = ''.format %}{{ [1] | map(f) | list }}", "render-security"),
        ("{% if 1 %}" * 101 + "{{ a }}" + "{% endif %}" * 101, "render-limit"),
        ("{% if false %}x{% endif %}", "render-type"),
        ("{{ 'x' * 10**9 }}{{ a }}", "render-limit"),
        ("{{ a }}", None),
        ("{{ nope | default('d') }}", None),
        ("{{ a | default(none) }}", None),
        ("{% for i in range(3) %}{{ i + a }}{% endfor %}", None),
    ],
)
def test_a_trial_tells_what_holds_for_every_row(source: str, code: str | None) -> None:
    """
    Given a template without static problems,
    when it is tried without a row,
    then only what no row could mend is a problem.
    """
    problem = tried(source)

    assert (problem.code if problem else None) == code


def test_a_trial_with_a_sample_tells_all() -> None:
    """
    Given a sample of the names,
    when a template is tried with it,
    then every error counts.
    """
    row: dict[str, JSON] = {"a": None}

    problem = tried("\n{{ a }}", Names(row))

    assert problem is not None
    assert (problem.line, problem.message[:23]) == (2, "null cannot be inserted")
