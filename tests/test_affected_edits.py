"""A corpus of edits, each with exactly what it touches."""

import shutil
from pathlib import Path

import pytest

from tests.affected_kit import Edit, Repository
from tests.sweeps import every_third

TRIAGE = "pipelines/triage.yaml"
ORDERS = "pipelines/orders.yaml"
LOOP = "pipelines/loop.yaml"
POLISH = "pipelines/polish.yaml"
LETTERS = "pipelines/letters.yaml"
TICKETS = "data/tickets.jsonl"
COLD, HOT = "loop base temperature=0", "loop base temperature=1"

type Touched = dict[str, str]


def edit(path: str, old: str, new: str) -> Edit:
    return lambda repository: repository.replace(path, old, new)


def both(*edits: Edit) -> Edit:
    return lambda repository: [one(repository) for one in edits]


def touched(*lines: str, rows: str = "all") -> Touched:
    return dict.fromkeys(lines, rows)


def in_both_cells(*places: str) -> list[str]:
    return [f"triage {cell} {place}" for cell in ("plain", "strict") for place in places]


NOTHING: dict[str, Edit] = {
    "no edit": lambda _repository: None,
    "another file": edit("docs/notes.txt", "Nothing", "Something"),
    "a comment in the pipeline": edit(TRIAGE, "# sorts tickets", "# sorts all tickets"),
    "the description of a pipeline": edit(TRIAGE, "version: 1", "version: 1\ndescription: Sorts."),
    "a comment in a template": edit("prompts/reply.j2", "Answer", "{# kindly #}Answer"),
    "blanks in the tags of a template": edit("prompts/reply.j2", "{{ ticket }}", "{{ticket}}"),
    "blank lines around a template": edit("prompts/reply.j2", "Answer", "\n\n  Answer"),
    "a comment in an include": edit("prompts/_rules.j2", "a note", "another note"),
    "the description in a front matter": edit("prompts/classify.j2", "Sorts.", "Sorts it."),
    "blanks in the tag of a branch": edit("prompts/classify.j2", "tier == 'pro'", "tier=='pro'"),
    "a column that nobody names": edit(TICKETS, '"note": "x"', '"note": "y"'),
    "the order of rows": lambda repository: repository.write(
        TICKETS,
        "".join(reversed((repository.project / TICKETS).read_text().splitlines(keepends=True))),
    ),
    "blanks in a data file": edit(TICKETS, '{"id": "a",', '{ "id":"a" ,'),
    "limits": edit(TRIAGE, "cost_usd: 1", "cost_usd: 2"),
    "tags": edit(TRIAGE, "tags: [support]", "tags: [sales]"),
    "prices": lambda repository: repository.append(
        "promptlab.yaml", "prices: {x/*: {input: 1, output: 2}}\nlimits: {cost_usd: 9}\n"
    ),
    "a comment in python": edit("tools/orders.py", "def status", "# the status\ndef status"),
    "blanks in python": edit("tools/shared.py", "def clean(text: str)", "def clean( text:str )"),
    "the time between tries": edit(ORDERS, "checks:", "retry: {initial: 2, jitter: 0}\n    checks:"),
    "how many items run at once": edit(LOOP, "as: word", "as: word\n    max_concurrency: 1"),
    "a file that nothing attaches": lambda repository: repository.write("data/three.txt", "Three.\n"),
    "a pipeline that is moved": both(
        lambda repository: repository.append(ORDERS, "name: orders\n"),
        lambda repository: repository.move(ORDERS, "pipelines/parcels.yaml"),
    ),
    "a prompt that is moved": both(
        edit(TRIAGE, "prompts/reply.j2", "prompts/respond.j2"),
        lambda repository: repository.move("prompts/reply.j2", "prompts/respond.j2"),
    ),
    "a data file that is moved": both(
        edit(TRIAGE, TICKETS, "data/moved.jsonl"),
        lambda repository: repository.move(TICKETS, "data/moved.jsonl"),
    ),
    "a variant that says what holds anyway": edit(TRIAGE, "plain: {}", "plain: {params: {temperature: 0}}"),
    "a model that holds anyway": edit(LOOP, "version: 1", "version: 1\nmodel: echo/one"),
    "a called pipeline that is moved": both(
        edit(LOOP, POLISH, "pipelines/shine.yaml"),
        lambda repository: repository.move(POLISH, "pipelines/shine.yaml"),
    ),
}
CLASSIFY = in_both_cells("classify calls")
REPLY = in_both_cells("reply calls")
SAID = ["each.say calls", "each.shout calls", "sum_up.polish calls"]
READ = touched("letters base read calls", "letters base after calls")

SOMETHING: dict[str, tuple[Edit, Touched]] = {
    # templates
    "the first template": (
        edit("prompts/classify.j2", "{{ ticket }}", "T: {{ ticket }}"),
        touched(*CLASSIFY, *REPLY),
    ),
    "an include": (edit("prompts/_rules.j2", "short", "brief"), touched(*CLASSIFY, *REPLY)),
    "a branch that one row takes": (
        edit("prompts/classify.j2", "a pro customer", "a paying customer"),
        touched(*CLASSIFY, *REPLY, rows="b"),
    ),
    "a template behind an answer": (
        edit("prompts/reply.j2", "Answer", "Reply to"),
        touched("triage plain reply calls"),
    ),
    "the template of a variant": (
        edit("prompts/strict.j2", "strictly", "exactly"),
        touched("triage strict reply calls"),
    ),
    "blanks inside a text": (
        edit("prompts/reply.j2", "Answer ", "Answer  "),
        touched("triage plain reply calls"),
    ),
    "a message": (edit(ORDERS, "Be kind", "Be curt"), touched("orders base tell calls")),
    "a message's role": (edit(ORDERS, "role: system", "role: user"), touched("orders base tell calls")),
    "a message in a loop": (
        edit(LOOP, "Say {{", "Speak {{"),
        touched(*(f"{cell} {place}" for cell in (COLD, HOT) for place in SAID)),
    ),
    "a later message in a loop": (
        edit(LOOP, "Shout {{", "Cry {{"),
        touched(*(f"{cell} {place}" for cell in (COLD, HOT) for place in SAID[1:])),
    ),
    "a called pipeline's message": (
        edit(POLISH, "Polish {{", "Shine {{"),
        touched(*(f"{cell} sum_up.polish calls" for cell in (COLD, HOT))),
    ),
    # keys of a step
    "params": (edit(TRIAGE, "temperature: 0", "temperature: 0.5"), touched(*CLASSIFY, *REPLY)),
    "params in a front matter": (
        edit("prompts/classify.j2", "description:", "params: {max_tokens: 5}\ndescription:"),
        touched(*CLASSIFY, *REPLY),
    ),
    "params of one step": (
        edit(TRIAGE, "prompt: prompts/reply.j2", "prompt: prompts/reply.j2\n    params: {seed: 1}"),
        touched(*REPLY),
    ),
    "the project's model": (
        edit("promptlab.yaml", "echo/one", "echo/two"),
        touched(
            *(*CLASSIFY, *REPLY, "orders base tell calls", *READ),
            *(f"{cell} {place}" for cell in (COLD, HOT) for place in SAID),
        ),
    ),
    "a pipeline's model": (
        edit(ORDERS, "version: 1", "version: 1\nmodel: echo/two"),
        touched("orders base tell calls"),
    ),
    "words of an enum": (edit(TRIAGE, "[billing, technical,", "[billing, tech,"), touched(*CLASSIFY, *REPLY)),
    "a `when` that hangs on an answer": (edit(TRIAGE, "!= 'account'", "== 'account'"), touched(*REPLY)),
    "how an answer is read": (
        edit(ORDERS, "    checks:", "    output: {regex: 'A(.)'}\n    checks:"),
        touched("orders base tell verdicts"),
    ),
    "what an error means": (
        edit(TRIAGE, "output: text", "output: text\n    on_error: skip"),
        touched(*in_both_cells("reply verdicts")),
    ),
    "how often it is tried": (
        edit(ORDERS, "    checks:", "    retry: {max_attempts: 2}\n    checks:"),
        touched("orders base tell calls"),
    ),
    "a fallback": (
        edit(ORDERS, "    checks:", "    fallback: [echo/two]\n    checks:"),
        touched("orders base tell calls"),
    ),
    "a step that is never recalled": (
        edit(ORDERS, "    checks:", "    recall: false\n    checks:"),
        touched("orders base tell calls"),
    ),
    "what a step needs": (
        edit(
            POLISH,
            "  - id: polish",
            "  - id: first\n    messages: [{role: user, content: Hi}]\n  - id: polish\n    needs: [first]",
        ),
        touched(*(f"{cell} sum_up.{step} calls" for cell in (COLD, HOT) for step in ("first", "polish"))),
    ),
    "a new step": (
        edit(ORDERS, "  - id: tell", "  - id: more\n    messages: [{role: user, content: Hi}]\n  - id: tell"),
        touched("orders base more calls"),
    ),
    "a new step at the end": (
        lambda repository: repository.append(
            ORDERS, "  - id: more\n    messages: [{role: user, content: Hi}]\n"
        ),
        touched("orders base more calls", "orders base - verdicts"),
    ),
    "a step that is gone": (
        edit(
            LOOP,
            """      - id: shout
        messages: [{role: user, content: "Shout {{ say.output }}"}]
    outputs: "{{ shout.output }}"
""",
            """    outputs: "{{ say.output }}"
""",
        ),
        touched(
            *(
                f"{cell} {place}"
                for cell in (COLD, HOT)
                for place in ("sum_up.polish calls", "- verdicts", "each verdicts")
            )
        ),
    ),
    "what a loop goes over": (
        edit(LOOP, "foreach: words", "foreach: words[:1]"),
        touched(*(f"{cell} {place}" for cell in (COLD, HOT) for place in SAID), rows="one"),
    ),
    "what a called pipeline gets": (
        edit(LOOP, "join(' ')", "join('-')"),
        touched(*(f"{cell} sum_up.polish calls" for cell in (COLD, HOT))),
    ),
    # python
    "the code of a function": (
        edit("tools/orders.py", "[2])", "[2][1:])"),
        touched("orders base look_up calls", "orders base tell calls"),
    ),
    "code that it imports": (
        edit("tools/shared.py", "strip()", "strip().lower()"),
        touched("orders base look_up calls", "orders base tell calls"),
    ),
    "data that its code names": (
        edit("data/states.csv", "A1 sent", "A1 lost"),
        touched("orders base look_up calls", "orders base tell calls"),
    ),
    "a check's code": (edit("tools/judge.py", "!= hint", "== hint"), touched("orders base tell verdicts")),
    # rows
    "an input of a row": (edit(TICKETS, '"pay"', '"Pay"'), touched(*CLASSIFY, *REPLY, rows="a")),
    "an input with a default": (
        edit(TICKETS, '"ticket": "both",', '"ticket": "both", "tier": "pro",'),
        touched(*CLASSIFY, *REPLY, rows="c"),
    ),
    "an input that one branch reads": (
        edit(TICKETS, '"tier": "pro"', '"tier": "big"'),
        touched(*CLASSIFY, *REPLY, rows="b"),
    ),
    "a label": (
        edit(TICKETS, '"label": "technical"', '"label": "account"'),
        touched(*in_both_cells("classify verdicts"), rows="b"),
    ),
    "a column that a check's code takes": (
        edit("data/orders.csv", "B2,B2,no,", "B2,B2,yes,"),
        touched("orders base tell verdicts", rows="B2"),
    ),
    "a row's own checks": (
        edit(TICKETS, '"label": "technical"', '"label": "technical", "$checks": ["is-json"]'),
        touched(*in_both_cells("- verdicts"), rows="b"),
    ),
    "a new row": (
        lambda repository: repository.append(TICKETS, '{"id": "d", "ticket": "new", "label": "billing"}\n'),
        touched(*CLASSIFY, *REPLY, rows="d"),
    ),
    "a row that is gone": (
        edit(TICKETS, '{"id": "c", "ticket": "both", "label": "billing", "note": "x"}\n', ""),
        {"triage removed rows": "c"},
    ),
    "a row's id": (
        edit(TICKETS, '"id": "c"', '"id": "z"'),
        touched(*CLASSIFY, *REPLY, rows="z") | {"triage removed rows": "c"},
    ),
    "a default": (edit(TRIAGE, "default: free", "default: pro"), touched(*CLASSIFY, *REPLY, rows="a c")),
    "a row that a filter takes away": (
        edit(
            TRIAGE,
            "dataset: data/tickets.jsonl",
            "dataset: {path: data/tickets.jsonl, where: ticket != 'pay'}",
        ),
        {"triage removed rows": "a"},
    ),
    "a limit of rows": (
        edit(TRIAGE, "dataset: data/tickets.jsonl", "dataset: {path: data/tickets.jsonl, limit: 2}"),
        {"triage removed rows": "c"},
    ),
    "a row written in the pipeline": (
        edit(LOOP, "[red, blue]", "[red, green]"),
        touched(*(f"{cell} {place}" for cell in (COLD, HOT) for place in SAID), rows="one"),
    ),
    "an input that only checks inside see": (
        edit(LOOP, "title: colours", "title: paints"),
        touched(*(f"{cell} sum_up.polish verdicts" for cell in (COLD, HOT)), rows="one"),
    ),
    # files that prompts attach
    "a file that a row names": (edit("data/two.txt", "Two", "Deux"), dict.fromkeys(READ, "two")),
    "a file that a template names": (edit("data/intro.txt", "Read", "See"), READ),
    # cells and repeats
    "a new variant": (
        edit(TRIAGE, "  plain: {}", "  plain: {}\n  hot: {params: {temperature: 1}}"),
        touched("triage hot classify calls", "triage hot reply calls"),
    ),
    "a variant that is gone": (
        edit(TRIAGE, "  strict: {steps: {reply: {prompt: prompts/strict.j2}}}\n", ""),
        {"triage removed cells": "strict"},
    ),
    "a variant that is renamed": (
        edit(TRIAGE, "  strict:", "  exact:"),
        {"triage renamed": "strict → exact"},
    ),
    "a point of the matrix": (
        edit(LOOP, "[0, 1]", "[0, 2]"),
        touched(*(f"loop base temperature=2 {place}" for place in SAID))
        | {"loop removed cells": "base temperature=1"},
    ),
    "more repeats": (edit(LETTERS, "repeat: 2", "repeat: 3"), READ),
    "fewer repeats": (edit(LETTERS, "repeat: 2", "repeat: 1"), {}),
    "how many repeats must pass": (
        edit(LETTERS, "repeat: 2", "repeat: {count: 2, pass: 1}"),
        touched("letters base - verdicts"),
    ),
    # what judges
    "a check of a step": (edit(TRIAGE, "As an AI", "As a bot"), touched(*in_both_cells("reply verdicts"))),
    "a new check": (
        edit(LOOP, 'Say {{ word }}"}]', 'Say {{ word }}"}]\n        checks: [is-json]'),
        touched(*(f"{cell} each.say verdicts" for cell in (COLD, HOT))),
    ),
    "a check of a pipeline": (
        edit(TRIAGE, "contains: reply", "contains: label"),
        touched(*in_both_cells("- verdicts")),
    ),
    "a gate": (edit(TRIAGE, "min: 0.5", "min: 0.6"), touched(*in_both_cells("- verdicts"))),
    "a gate of one variant": (
        edit(TRIAGE, "min: 0.5}", "min: 0.5}, {metric: score, min: 0.1, variant: plain}"),
        touched("triage plain - verdicts"),
    ),
    "the outputs": (edit(TRIAGE, "{label: ", "{label2: 1, label: "), touched(*in_both_cells("- verdicts"))),
    "a called pipeline's check": (
        edit(POLISH, "contains:", "icontains:"),
        touched(*(f"{cell} sum_up.polish verdicts" for cell in (COLD, HOT))),
    ),
    "a called pipeline's outputs": (
        edit(POLISH, "{polished:", "{done: 1, polished:"),
        touched(*(f"{cell} sum_up verdicts" for cell in (COLD, HOT))),
    ),
    # whole pipelines
    "a new pipeline": (
        lambda repository: repository.write(
            "pipelines/new.yaml", "version: 1\nsteps: [{id: one, messages: [{role: user, content: Hi}]}]\n"
        ),
        touched("new base one calls"),
    ),
    "a pipeline that is gone": (lambda repository: repository.remove(ORDERS), {"orders": "removed"}),
    "two edits": (
        both(edit("prompts/strict.j2", "strictly", "exactly"), edit(TICKETS, '"pay"', '"Pay"')),
        touched(*CLASSIFY, rows="a") | {"triage plain reply calls": "a", "triage strict reply calls": "all"},
    ),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository before any edit, made once."""
    return Repository(tmp_path_factory.mktemp("original")).start()


@pytest.fixture
def repository(original: Repository, tmp_path: Path) -> Repository:
    """A copy of the repository of one's own."""
    shutil.copytree(original.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")


@pytest.mark.parametrize("name", every_third(NOTHING))
def test_an_edit_that_changes_no_result_touches_nothing(repository: Repository, name: str) -> None:
    """
    Given a project in git,
    when something is edited that no request and no verdict hangs on,
    then nothing is affected.
    """
    NOTHING[name](repository)

    assert repository.told() == {}


@pytest.mark.parametrize("name", every_third(SOMETHING))
def test_an_edit_touches_exactly_what_hangs_on_it(repository: Repository, name: str) -> None:
    """
    Given a project in git,
    when it is edited,
    then exactly the pipelines, cells, steps and rows are affected that hang on what was edited.
    """
    make, expected = SOMETHING[name]
    make(repository)

    assert repository.told() == expected
