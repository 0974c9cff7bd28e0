"""Projects and edits made by chance, and what really differs: both are run by an engine without a log."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from promptlab.core.json import JSON, canonical
from promptlab.engine.assembly import RunOptions, assemble
from promptlab.engine.brake import Brake
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.completion import Completion, CompletionRequest, Usage
from promptlab.engine.function import Function, FunctionError
from promptlab.engine.plan import Plan
from promptlab.engine.rendering import Renderer
from promptlab.loader.loading import LoadedPipeline
from promptlab.schemas.dataset import Row
from promptlab.schemas.events import TrialFinished
from promptlab.schemas.run import TrialResult
from tests.scripted import Heard, ScriptedProvider, VirtualClock

ANSWERS = ("yes", "no", "yes and no", "7")
WORDS = ("alpha", "beta", "gamma", "delta")
PIPELINE = "pipelines/p.yaml"
ROWS = "data/rows.jsonl"
CODE = """\
# {comment}
import helpers


def shout(text: str) -> str:
    return helpers.turned(text) + "{mark}"


def idle() -> str:
    return "{idle}"
"""
HELPERS = """\
def turned(text: str) -> str:
    return text.{method}()
"""
CALLED: dict[str, Any] = {
    "version": 1,
    "inputs": {"text": "string", "hint": {"type": "string", "default": "none"}},
    "steps": [
        {"id": "first", "messages": [{"role": "user", "content": "Call {{ text }}"}]},
        {
            "id": "second",
            "messages": [{"role": "user", "content": "Again {{ first.output }}"}],
            "checks": [{"contains": "{{ hint }}"}],
        },
    ],
}

type Trials = Mapping[tuple[str, str, int], JSON]
type Content = dict[str, Any]
type Change = Callable[["Editing"], object]


class Answering(ScriptedProvider):
    """Answers by a hash of all that it is sent."""

    async def complete(self, request: CompletionRequest) -> Completion:
        number = sha256(canonical(request.as_json()).encode()).digest()[0]
        return Completion(text=ANSWERS[number % len(ANSWERS)], usage=Usage(1, 1), answered_by=request.model)


def outcomes(loaded: LoadedPipeline, rows: Sequence[Row]) -> Trials:
    """Give what comes of each trial, and what is sent for it."""
    finished = asyncio.run(_run(loaded, rows))
    return {(one.key.row_id, one.key.cell, one.key.repeat): _outcome(one) for one in finished}


async def _run(loaded: LoadedPipeline, rows: Sequence[Row]) -> list[TrialResult]:
    heard = Heard()
    async with Renderer() as renderer:
        engine = assemble(
            RunOptions(),
            log=MemoryCallLog(),
            render=renderer.render,
            call=_call(loaded),
            brake=Brake(),
            emit=heard,
            clock=VirtualClock(),
        )
        await engine.runner.run(Plan(loaded.name, loaded.cells, lambda: iter(rows), len(rows)))
    return [event.result for event in heard.of(TrialFinished)]


def answered(loaded: LoadedPipeline) -> LoadedPipeline:
    """Have the models of a pipeline answer by themselves; what they are called stays as it is."""
    provider = Answering()
    for cell in loaded.cells:
        for step in cell.all_steps():
            if step.target is not None:
                object.__setattr__(step.target, "provider", provider)
    return loaded


def _call(loaded: LoadedPipeline) -> Any:
    async def call(function: Function, arguments: Mapping[str, JSON], **_options: object) -> JSON:
        helpers: dict[str, Any] = {}
        exec(loaded.files.read("tools/helpers.py").content or b"", helpers)
        own: dict[str, Any] = {}
        exec(function.source.replace("import helpers", ""), own)
        own["helpers"] = type("Helpers", (), {"turned": staticmethod(helpers["turned"])})
        try:
            found: JSON = own[function.name](**arguments)
        except Exception as error:
            raise FunctionError(str(error)) from error
        return found

    return call


def _outcome(one: TrialResult) -> JSON:
    steps: JSON = [
        [
            step.id,
            step.status,
            step.made,
            [dict(message) for message in step.messages],
            [call.fingerprint for call in step.calls] if step.model and "/" in step.model else [],
        ]
        for step in sorted(one.all_steps, key=lambda step: step.id)
    ]
    verdicts: JSON = sorted(  # type: ignore[assignment]
        [str(each.step), each.name, each.status, each.score, each.reason] for each in one.all_verdicts
    )
    return [one.status, one.outputs, steps, verdicts]


@dataclass
class Project:
    """The files of a project as values that are easily changed."""

    pipeline: Content
    called: Content
    rows: list[Content]
    texts: dict[str, str]
    code: dict[str, str]

    def files(self) -> dict[str, str]:
        return {
            "promptlab.yaml": "version: 1\n",
            PIPELINE: json.dumps(self.pipeline, indent=1),
            "pipelines/called.yaml": json.dumps(self.called),
            ROWS: "".join(f"{json.dumps(row)}\n" for row in self.rows),
            "tools/code.py": CODE.format(**self.code),
            "tools/helpers.py": HELPERS.format(**self.code),
            **{f"prompts/{name}": text for name, text in self.texts.items()},
        }


def project(random: Random) -> Project:
    """Make a project."""
    steps: list[Content] = []
    for number in range(random.randint(2, 5)):
        steps.append(_step(random, f"s{number}", [step["id"] for step in steps]))
    pipeline = {
        "version": 1,
        "name": "p",
        "model": "echo/one",
        "inputs": {"word": "string", "flag": {"type": "string", "default": "off"}, "parts": "array"},
        "dataset": ROWS,
        "params": {"temperature": 0},
        "repeat": random.choice([1, 1, 2]),
        "variants": {"a": {}, "b": {"params": {"seed": 1}}},
        "steps": steps,
        "outputs": {step["id"]: f"{{{{ {step['id']}.output | default('none') }}}}" for step in steps},
        "checks": [{"expression": "output | length > 0"}],
    }
    rows = [_row(random, f"r{number}") for number in range(6)]
    texts = {
        "main.j2": '{% include "part.j2" %} Say {{ word }}{% if flag == "on" %} loudly{% endif %}',
        "part.j2": "Please.",
    }
    code = {"comment": "one", "mark": "!", "idle": "x", "method": "upper"}
    return Project(pipeline, deepcopy(CALLED), rows, texts, code)


def _row(random: Random, name: str) -> Content:
    return {
        "id": name,
        "word": random.choice(WORDS),
        "flag": random.choice(["on", "off"]),
        "parts": random.sample(WORDS, random.randint(0, 2)),
        "label": random.choice(ANSWERS),
        "unused": 1,
    }


def _step(random: Random, name: str, before: Sequence[str]) -> Content:
    """Make a step that may hang on those before it."""
    seen = " ".join(
        f"{{{{ {one}.output | default('none') }}}}" for one in random.sample(before, min(len(before), 2))
    )
    made = random.choice([_prompt, _messages, _messages, _python, _loop, _call_step])(random, seen)
    step: Content = {"id": name, **made}
    if random.random() < 0.4:
        step["checks"] = [{"contains": "{{ label }}"}]
    if random.random() < 0.3:
        step["when"] = random.choice(["word != 'alpha'", "flag == 'on'", *_conditions(before)])
    return (
        {**step, "on_error": random.choice(["fail", "skip", {"default": "none"}])}
        if "foreach" not in step
        else step
    )


def _conditions(before: Sequence[str]) -> list[str]:
    return [f"{one}.output | default('no') != 'yes'" for one in before[:1]]


def _prompt(_random: Random, _seen: str) -> Content:
    return {"prompt": "prompts/main.j2"}


def _messages(random: Random, seen: str) -> Content:
    text = random.choice(["Ask {{ word }}", "Tell", "{% if flag == 'on' %}On{% else %}Off{% endif %}"])
    made: Content = {"messages": [{"role": "user", "content": f"{text} {seen}"}]}
    if random.random() < 0.3:
        made["output"] = random.choice([{"enum": ["yes", "no"]}, {"regex": "(y|n)"}, "json"])
    if "output" in made and random.random() < 0.5:
        made["retry"] = {"on": ["invalid_output"], "max_attempts": 2}
    return made


def _python(_random: Random, seen: str) -> Content:
    return {"python": "tools/code.py:shout", "with": {"text": f"{{{{ word }}}} {seen}"}}


def _loop(_random: Random, seen: str) -> Content:
    inner = {"id": "each", "messages": [{"role": "user", "content": f"Each {{{{ item }}}} {seen}"}]}
    later = {"id": "then", "messages": [{"role": "user", "content": "Then {{ each.output }}"}]}
    return {"foreach": "parts", "steps": [inner, later]}


def _call_step(_random: Random, seen: str) -> Content:
    return {
        "pipeline": "pipelines/called.yaml",
        "with": {"text": f"{{{{ word }}}} {seen}", "hint": "{{ flag }}"},
    }


@dataclass(frozen=True)
class Editing:
    """A project that is being changed."""

    made: Project
    random: Random

    def set(self, values: Content, *keys: str | int, to: object) -> None:
        target: Any = values
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = to

    def step(self, key: str, to: object) -> None:
        self.set(self.random.choice(self.made.pipeline["steps"]), key, to=to)

    def row(self, key: str, to: object) -> None:
        self.set(self.random.choice(self.made.rows), key, to=to)

    def message(self, change: Callable[[str], str]) -> None:
        """Change the text of a step, or of one inside it."""
        step = self.random.choice(self.made.pipeline["steps"])
        inner = self.random.choice(step["steps"]) if "steps" in step else step
        if "messages" in inner:
            inner["messages"][0]["content"] = change(inner["messages"][0]["content"])
        elif "with" in inner:
            inner["with"]["text"] = change(inner["with"]["text"])

    def text(self, name: str, change: Callable[[str], str]) -> None:
        self.made.texts[name] = change(self.made.texts[name])


CHANGES: Mapping[str, Change] = {
    "text": lambda it: it.message(lambda text: f"Now {text}"),
    "branches": lambda it: it.message(lambda text: text.replace("On", "Yes").replace("Off", "No")),
    "blanks": lambda it: it.message(lambda text: text.replace("{{ ", "{{").replace("{%", "{#x#}{%")),
    "a branch of the prompt": lambda it: it.text("main.j2", lambda text: text.replace("loudly", "softly")),
    "a comment in the prompt": lambda it: it.text("main.j2", lambda text: f"{{# why #}}{text}\n\n"),
    "the include": lambda it: it.text("part.j2", lambda _: it.random.choice(["Please.{# x #}", "Kindly."])),
    "a comment in code": lambda it: it.set(it.made.code, "comment", to="two"),
    "code": lambda it: it.set(it.made.code, "mark", to="?"),
    "imported code": lambda it: it.set(it.made.code, "method", to="lower"),
    "other code": lambda it: it.set(it.made.code, "idle", to="y"),
    "a word": lambda it: it.row("word", it.random.choice(WORDS)),
    "a flag": lambda it: it.row("flag", it.random.choice(["on", "off"])),
    "a list": lambda it: it.row("parts", ["new"]),
    "a label": lambda it: it.row("label", it.random.choice(ANSWERS)),
    "a column without use": lambda it: it.row("unused", 2),
    "a row's checks": lambda it: it.row("$checks", ["is-json"]),
    "a new row": lambda it: it.made.rows.append(_row(it.random, "new")),
    "a row less": lambda it: it.made.rows.pop(),
    "the order of rows": lambda it: it.random.shuffle(it.made.rows),
    "params": lambda it: it.set(it.made.pipeline, "params", "temperature", to=1),
    "a variant": lambda it: it.set(it.made.pipeline, "variants", "b", to={"params": {"seed": 2}}),
    "a new variant": lambda it: it.set(it.made.pipeline, "variants", "c", to={"params": {"seed": 3}}),
    "repeats": lambda it: it.set(it.made.pipeline, "repeat", to=3),
    "a description": lambda it: it.set(it.made.pipeline, "description", to="Another."),
    "limits": lambda it: it.set(it.made.pipeline, "limits", to={"requests": 10_000}),
    "outputs": lambda it: it.set(it.made.pipeline, "outputs", "more", to="{{ word }}"),
    "checks": lambda it: it.set(it.made.pipeline, "checks", to=[{"expression": "output | length > 1"}]),
    "a default": lambda it: it.set(it.made.pipeline, "inputs", "flag", "default", to="on"),
    "when": lambda it: it.step("when", "word != 'beta'"),
    "checks of a step": lambda it: it.step("checks", [{"icontains": "{{ label }}"}]),
    "on_error": lambda it: it.step("on_error", "skip"),
    "a step's description": lambda it: it.step("description", "Described."),
    "a new step": lambda it: it.made.pipeline["steps"].insert(0, _step(it.random, "extra", [])),
    "the order of steps": lambda it: it.random.shuffle(it.made.pipeline["steps"]),
    "a called text": lambda it: it.set(
        it.made.called, "steps", 0, "messages", 0, "content", to="Ring {{ text }}"
    ),
    "blanks in a called text": lambda it: it.set(
        it.made.called, "steps", 1, "messages", 0, "content", to="Again {{first.output}}"
    ),
    "a called check": lambda it: it.set(
        it.made.called, "steps", 1, "checks", to=[{"contains": "{{ hint }}!"}]
    ),
    "called outputs": lambda it: it.set(
        it.made.called, "outputs", to={"all": "{{ first.output }}{{ second.output }}"}
    ),
}


def edited(made: Project, random: Random) -> tuple[Project, list[str]]:
    """Give a project with one or two changes, and their names."""
    changed = deepcopy(made)
    names = random.sample(sorted(CHANGES), random.choice([1, 1, 2]))
    for name in names:
        CHANGES[name](Editing(changed, random))
    return changed, names
