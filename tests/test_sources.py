"""What a step is made of, as digests: which edits change which, and that the run log gets them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from promptlab.schemas.sources import Sources
from tests.fakes import FakeProvider
from tests.lab import Lab
from tests.loading_kit import load

PIPELINE = """\
version: 1
inputs: {ticket: string, tier: string}
dataset: [{ticket: late, tier: free}]
steps:
  - {id: sort, prompt: prompts/sort.j2}
  - {id: inline, messages: [{role: system, content: Be brief}, {role: user, content: "{{ ticket }}"}]}
  - {id: count, python: tools/count.py:words, with: {text: "{{ ticket }}"}, recall: true}
  - {id: fetch, http: {url: "https://example.org/{{ tier }}", json: {text: "{{ ticket }}"}}}
  - {id: ask, prompt: prompts/ask.j2, tools: [tools/find.py:find], when: tier == 'free'}
  - id: parts
    foreach: "[ticket]"
    outputs: "{{ part.output }}"
    steps: [{id: part, prompt: prompts/part.j2, with: {text: "{{ item }}"}}]
  - {id: called, pipeline: pipelines/other.yaml, with: {text: "{{ ticket }}"}}
"""
OTHER = """\
version: 1
inputs: {text: string}
steps: [{id: draft, prompt: prompts/draft.j2}]
outputs: {draft: "{{ draft.output }}"}
"""
KINDS = ("template", "includes", "code")
FILES = {
    "prompts/sort.j2": "{% include 'style.j2' %}{{ ticket }}",
    "prompts/ask.j2": "---\ndescription: Asks.\n---\n{{ ticket }}",
    "prompts/part.j2": "{{ text }}",
    "prompts/draft.j2": "{% include 'style.j2' %}{{ text }}",
    "prompts/style.j2": "{% include 'deep.txt' %} Be kind.",
    "prompts/deep.txt": "Hello.",
    "tools/count.py": "import helpers\ndef words(text): return helpers.count(text)\ndef other(text): ...\n",
    "tools/find.py": "def find(text: str) -> str:\n    '''Find.'''\n",
    "helpers.py": "import deeper\ndef count(text): return len(text)\n",
    "deeper.py": "",
    "pipelines/other.yaml": OTHER,
}


def sources(changes: Mapping[str, str] | None = None, pipeline: str = PIPELINE) -> dict[str, Sources]:
    loaded = load(pipeline, {**FILES, **(changes or {})}, model="openai/gpt-4o-mini")
    return loaded.cells["base"].sources()


def changed(before: dict[str, Sources], after: dict[str, Sources]) -> set[tuple[str, str]]:
    both = ((path, kind) for path in before for kind in KINDS)
    return {one for one in both if _of(before, *one) != _of(after, *one)}


def _of(found: dict[str, Sources], path: str, kind: str) -> str | None:
    value: str | None = getattr(found[path], kind)
    return value


def test_each_step_says_what_it_is_made_of() -> None:
    """
    Given a pipeline with every kind of step,
    when it is loaded,
    then each step, those inside others too, has digests of what it has, and None for the rest.
    """
    found = sources()

    has = {
        path: {name for name in ("template", "includes", "code") if _of(found, path, name)} for path in found
    }
    assert has == {
        "sort": {"template", "includes"},
        "inline": {"template"},
        "count": {"template", "code"},
        "fetch": {"template"},
        "ask": {"template", "code"},
        "parts": {"template"},
        "parts.part": {"template"},
        "called": {"template"},
        "called.draft": {"template", "includes"},
    }


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("prompts/sort.j2", "{% include 'style.j2' %}: {{ ticket }}", {("sort", "template")}),
        ("prompts/ask.j2", "{{ ticket }}", set()),
        ("prompts/part.j2", "{{ text }}!", {("parts.part", "template")}),
        ("prompts/deep.txt", "Hi.", {("sort", "includes"), ("called.draft", "includes")}),
        ("prompts/draft.j2", "{{ text }}", {("called.draft", "template"), ("called.draft", "includes")}),
        ("tools/count.py", f"{FILES['tools/count.py']}\n", {("count", "code")}),
        ("deeper.py", "x = 1", {("count", "code")}),
        ("tools/find.py", "def find(text: str) -> str:\n    '''Look.'''\n", {("ask", "code")}),
        ("pipelines/other.yaml", OTHER.replace("{draft:", "{text:"), {("called", "template")}),
    ],
)
def test_an_edited_file_changes_the_digest_of_what_it_is(
    path: str, text: str, expected: set[tuple[str, str]]
) -> None:
    """
    Given a project,
    when one file is edited,
    then exactly the digests that stand for it change, of exactly the steps that are made of it.
    """
    before = sources()

    after = sources({path: text})

    assert changed(before, after) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Be brief", "Be long", {("inline", "template")}),
        ("role: system", "role: assistant", {("inline", "template")}),
        ("json: {text:", "json: {ticket:", {("fetch", "template")}),
        ('with: {text: "{{ item }}"}', "with: {text: fixed}", {("parts.part", "template")}),
        ("tier == 'free'", "tier == 'pro'", {("ask", "template")}),
        ("count.py:words", "count.py:other", {("count", "code")}),
        ('outputs: "{{ part.output }}"', "outputs: fixed", {("parts", "template")}),
        ("recall: true", "recall: false", set()),
        ("inline, messages", "inline, params: {temperature: 1}, messages", set()),
    ],
)
def test_an_edited_pipeline_changes_the_digests_of_the_texts_in_it(
    old: str, new: str, expected: set[tuple[str, str]]
) -> None:
    """
    Given a pipeline with texts of its own,
    when one is edited, or something that is no text,
    then exactly the digest that stands for it changes, or none.
    """
    before = sources()

    after = sources(pipeline=PIPELINE.replace(old, new))

    assert old in PIPELINE
    assert changed(before, after) == expected


def test_a_renamed_prompt_is_the_same_prompt() -> None:
    """
    Given a prompt file,
    when it is renamed, and the step names it by its new name,
    then nothing is told apart, as nothing else is sent.
    """
    renamed = {"prompts/parted.j2": FILES["prompts/part.j2"]}

    after = sources(renamed, PIPELINE.replace("prompts/part.j2", "prompts/parted.j2"))

    assert changed(sources(), after) == set()


def test_includes_that_trade_their_contents_are_other_includes() -> None:
    """
    Given a prompt that includes two files,
    when each gets what the other held,
    then the digest of the includes changes, as what is sent does.
    """
    both = {"prompts/sort.j2": "{% include 'a.j2' %}{% include 'b.j2' %}{{ ticket }}"}

    before = sources({**both, "prompts/a.j2": "one", "prompts/b.j2": "two"})
    after = sources({**both, "prompts/a.j2": "two", "prompts/b.j2": "one"})

    assert changed(before, after) == {("sort", "includes")}


def test_the_log_says_of_what_each_step_run_was_made(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given two rows and a step inside a foreach,
    when they are run, and run again after one row and a prompt changed,
    then the digests in the log say so: the row's of its row alone, the template's of its step alone.
    """
    lab = Lab(tmp_path, fake_provider.base_url)
    loop = {"id": "parts", "foreach": "[word]", "steps": [{"id": "part", "prompt": "prompts/part.j2"}]}
    lab.write_pipeline(steps=[{"id": "say", "prompt": "prompts/say.j2"}, loop])
    lab.write("prompts/part.j2", "{{ item }}")
    lab.write_rows(2)
    lab.run()

    lab.write("prompts/say.j2", "Tell {{ word }}")
    lab.write("data/rows.jsonl", '{"id": "r0", "word": "word-0000."}\n{"id": "r1", "word": "new"}\n')
    lab.run()

    first, second = _digests(lab, 0), _digests(lab, 1)
    assert first.keys() == {(row, step) for row in ("r0", "r1") for step in ("say", "parts", "parts[0].part")}
    differ = {(*key, place) for key in first for place in range(4) if first[key][place] != second[key][place]}
    assert differ == {
        ("r0", "say", 0),
        ("r1", "say", 0),
        *(("r1", step, 2) for step in ("say", "parts", "parts[0].part")),
    }
    assert all(template and row for template, _, row, _ in first.values())


def _digests(lab: Lab, run: int) -> dict[tuple[str, str], tuple[str | None, ...]]:
    found = lab.query(
        "select row_id, step, template_digest, includes_digest, s.row_digest, code_digest"
        " from step_runs s join trials t on t.id = s.trial_id"
        " where run_id = (select id from runs order by id limit 1 offset ?)",
        run,
    )
    return {(row, step): tuple(rest) for row, step, *rest in found}
