"""`--explain` names each kind of edit by its own name; those of prompts and rows: `test_recall_edits`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import KEY
from tests.recall_kit import NOTE, ROWS, Desk, FirstRuns

CLEAN = {"id": "clean", "python": "tools/clean.py:clean", "with": {"text": "{{ tier }}"}}
SHORT = {"id": "short", "python": "tools/short.py:short", "with": {"text": "{{ clean.output }}"}}
SAY = {"id": "say", "messages": [{"role": "user", "content": "Say {{ short.output }}."}]}
ASK = {"id": "ask", "pipeline": "pipelines/other.yaml", "with": {"text": "Tier {{ tier }}"}}
PART = {"id": "part", "messages": [{"role": "user", "content": "Part {{ item }}."}]}
PARTS = {"id": "parts", "foreach": "[tier, 'b']", "steps": [PART]}
MORE = {**NOTE, "with": {"tier": "more {{ tier }}"}}
STEPS: tuple[dict[str, Any], ...] = (CLEAN, SHORT, SAY, ASK, PARTS, MORE)
OTHER = {
    "version": 1,
    "inputs": {"text": "string"},
    "steps": [{"id": "draft", "messages": [{"role": "user", "content": "Draft {{ text }}."}]}],
    "outputs": {"draft": "{{ draft.output }}"},
}
FUNCTION = "def {}(text): return text + '{}'\n"
MODELS = {"model": ["fake/model-1"]}


def _steps(*changed: dict[str, Any], **keys: object) -> Callable[[Desk], None]:
    """Give the edit that writes the pipeline with some of its steps changed."""
    by_id = {step["id"]: step for step in (*STEPS, *changed)}
    return lambda desk: desk.pipeline(*by_id.values(), **keys)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            lambda desk: desk.write("tools/short.py", FUNCTION.format("short", "?")),
            {"say": "code tools/short.py of short"},
        ),
        (
            lambda desk: desk.write("tools/clean.py", FUNCTION.format("clean", "?")),
            {"say": "code tools/clean.py of clean"},
        ),
        (lambda desk: desk.write("tools/clean.py", FUNCTION.format("clean", "") + "# more\n"), {}),
        (_steps({**CLEAN, "with": {"text": "Its {{ tier }}"}}), {"say": "with of clean"}),
        (_steps({**ASK, "with": {"text": "Of {{ tier }}"}}), {"ask.draft": "with of ask"}),
        (_steps({**MORE, "with": {"tier": "less {{ tier }}"}}), {"note": "with of note"}),
        (_steps({**PARTS, "foreach": "[tier, 'c']"}), {"parts[1].part": "foreach of parts"}),
        (_steps({**PARTS, "foreach": "[tier, 'b', 'c']"}), {"parts[2].part": "new item"}),
        (_steps({**MORE, "fallback": ["fake/model-2"]}), {}),
        (_steps({**MORE, "params": {"seed": 1}}), {"note": "params.seed unset → 1"}),
        (_steps({**MORE, "model": "fake/model-2"}), {"note": "model fake/model-1 → fake/model-2"}),
        (_steps({**MORE, "output": {"enum": ["ok", "fine"]}}), {"note": "schema output"}),
        (lambda desk: desk.rows({**ROWS[0], "ticket": "unseen"}), {}),
    ],
)
def test_an_edit_is_called_by_its_name(
    desk: Desk, edit: Callable[[Desk], None], expected: dict[str, str]
) -> None:
    """
    Given a run of steps that hang on functions, on a called pipeline and on items,
    when one thing is edited,
    then what is asked again says what that was and where.
    """
    edit(desk)

    turn = desk.run()

    assert turn.why == {("r0", step): why for step, why in expected.items()}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"matrix": {"llm": {"one": {}, "two": {"model": "fake/model-2"}}}}, "new value of axis llm"),
        ({"matrix": {"llm": {"one": {}}, "params.top_p": [0.5]}}, "new axis top_p"),
        (
            {"matrix": {"llm": {"one": {}}}, "variants": {"base": {}, "new": {"params": {"seed": 1}}}},
            "new variant",
        ),
        ({"matrix": {"llm": {"one": {}}}, "repeat": 2}, "new repeat"),
    ],
)
def test_a_new_cell_says_which_way_it_is_new(desk: Desk, keys: dict[str, object], expected: str) -> None:
    """
    Given a run with one variant and an axis of one value,
    when there is another value, axis, variant or repeat,
    then the new trials say which of them is new.
    """
    desk.pipeline(NOTE, matrix={"llm": {"one": {}}})
    desk.run()
    desk.pipeline(NOTE, **keys)

    turn = desk.run()

    assert set(turn.why.values()) == {expected}


def test_settings_that_change_what_is_asked_are_named(desk: Desk) -> None:
    """
    Given a run with the model and the provider of promptlab.yaml,
    when prices, then the default model change there,
    then prices ask nothing, and the model is named.
    """
    desk.settings(model="fake/model-1")
    desk.pipeline(NOTE, model=None)
    desk.run()
    desk.settings(model="fake/model-1", prices={"fake/*": {"input": 3, "output": 4}})
    dearer = desk.run()
    desk.settings(model="fake/model-2")

    turn = desk.run()

    assert dearer.why == {}
    assert turn.why == {("r0", "note"): "model fake/model-1 → fake/model-2"}


@pytest.fixture
def desk(
    cli: Cli, fake_provider: FakeProvider, first_runs: FirstRuns, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """Give a project that was run once."""
    monkeypatch.setenv("FAKE_KEY", KEY)
    made = Desk.made(cli, fake_provider, first_runs)
    fake_provider.script({"answer": "ok"})
    for name in ("clean", "short"):
        made.write(f"tools/{name}.py", FUNCTION.format(name, ""))
    made.write("pipelines/other.yaml", OTHER)
    made.rows(ROWS[0])
    made.pipeline(*STEPS)
    made.run()
    return made
