"""Pipelines made by chance, from a seed: a test that fails says which."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest, Usage
from promptlab.engine.provider import InvalidRequest, ProviderError, Refused, ServerFault
from tests.scripted import ScriptedProvider

WORDS = ("alpha", "beta", "gamma")
LABELS = ("yes", "no")
MOST_STEPS = 5
ATTEMPTS = 3
DEEPEST = 2
LISTS = ("[word, 'delta']", "[word, 'x', word]", "[]", "word")  # the last is none

type Step = dict[str, Any]
type Deciding = Callable[[str], str | ProviderError]


def number_of(text: str, *, below: int) -> int:
    """Give a number that hangs on the text alone."""
    return int.from_bytes(sha256(text.encode()).digest()[:4]) % below


@dataclass
class DecidedProvider(ScriptedProvider):
    """Answers as `decide` says for a question, some of them only when asked twice, and after some turns.

    What it charges is true to the length of things. `answered`: the fingerprints of what it answered.
    """

    decide: Deciding = lambda text: LABELS[number_of(text, below=2)]
    answered: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._shaken: set[str] = set()

    async def complete(self, request: CompletionRequest) -> Completion:
        self.journal.append(request)
        question = question_of(request)
        for _ in range(number_of(f"wait {question}", below=4)):
            await asyncio.sleep(0)
        if number_of(f"shake {question}", below=8) == 0 and request.fingerprint not in self._shaken:
            self._shaken.add(request.fingerprint)
            raise ServerFault("oops", status=500)
        answer = self.decide(question)
        if isinstance(answer, ProviderError):
            raise answer
        self.answered.append(request.fingerprint)
        usage = Usage(request.size // 3, 1 + len(answer) // 3)
        return Completion(text=answer, usage=usage, answered_by=request.model, latency_ms=1.0)


def question_of(request: CompletionRequest) -> str:
    """Give what was asked, with a mark for each time that it was asked again."""
    return asked_again(request.messages[0].text, len(request.messages) // 2)


def asked_again(text: str, times: int) -> str:
    return text + "?" * times


def sometimes_wrong(question: str) -> str:
    """Give a label, or what is none."""
    return (*LABELS, "dunno")[number_of(question, below=3)]


def failing(question: str) -> str | ProviderError:
    """Give a label or what is none, or refuse the question."""
    if number_of(f"fail {question}", below=6) == 0:
        return InvalidRequest("no", status=400)
    return sometimes_wrong(question)


def closing(question: str) -> str | ProviderError:
    """Do as `failing`, but refuse the key itself now and then."""
    if number_of(f"close {question}", below=12) == 0:
        return Refused("the key is not taken", status=401)
    return failing(question)


def shout(**given: JSON) -> str:
    text = str(sorted(given.items()))
    if number_of(text, below=7) == 0:
        raise ValueError("too loud")
    return LABELS[number_of(text, below=2)]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {"tools/shout.py:shout": shout}


@dataclass(frozen=True)
class Generator:
    """`has_functions`: whether some of its steps are python; `nests`: whether some have steps inside.

    `has_open_lists`: whether some of these run over items around them, or over what hangs on an answer.
    `pipelines`: those that steps call, by their paths.
    """

    random: Random
    has_functions: bool = True
    nests: bool = False
    has_open_lists: bool = False
    pipelines: dict[str, Any] = field(default_factory=dict)

    def pipeline(self) -> dict[str, Any]:
        steps = self._steps(Around("s", MOST_STEPS))
        written = self.random.sample(steps, len(steps))
        return {
            "steps": written,
            "params": {"max_tokens": 20},
            "repeat": self.random.choice([1, 1, 2]),
            "outputs": {step["id"]: f"{{{{ {step['id']}.output | default('none') }}}}" for step in steps},
        }

    def rows(self) -> list[dict[str, JSON]]:
        """Give rows, some of them alike."""
        return [{"word": self.random.choice(WORDS)} for _ in range(self.random.randint(1, 4))]

    def _steps(self, around: "Around") -> list[Step]:
        steps: list[Step] = []
        for number in range(self.random.randint(1, around.most)):
            before = [*around.steps, *(step["id"] for step in steps)]
            needs = self.random.sample(before, self.random.randint(0, min(2, len(before))))
            step: Step = {"id": f"{around.prefix}{number}", "needs": needs}
            if self.nests and around.depth < DEEPEST and self.random.random() < 0.3:
                step |= self._nest(around.inside(step["id"], needs))
            else:
                step |= self._leaf(step["id"], needs, around.names)
            step |= self._maybe(0.3, when=self._condition(needs))
            step["on_error"] = self.random.choice(["fail", "fail", "skip", {"default": "yes"}])
            steps.append(step)
        return steps

    def _leaf(self, name: str, needs: list[str], names: tuple[str, ...]) -> Step:
        shown = " ".join(f"{{{{ {needed}.output | default('none') }}}}" for needed in needs)
        same = self.random.random() < 0.2  # what it asks, another step may ask as well
        values = " ".join(f"{{{{ {value} }}}}" for value in names)
        text = f"{'same' if same else name} {values} {shown}".strip()
        if self.has_functions and self.random.random() < 0.25:
            step: Step = {"python": "tools/shout.py:shout", "with": {"text": text}}
            return step | self._maybe(0.5, recall=True)
        step = {"messages": [{"role": "user", "content": text}]}
        step |= self._maybe(0.1, recall=False)
        step |= self._maybe(0.3, output={"enum": [*LABELS]})
        return step | self._maybe(0.3, retry={"on": ["server", "invalid_output"], "max_attempts": ATTEMPTS})

    def _nest(self, around: "Around") -> Step:
        if self.random.random() < 0.3:
            steps = self._steps(replace(around, steps=(), names=("word",)))
            path = f"pipelines/{around.prefix}.yaml"
            self.pipelines[path] = {"steps": self.random.sample(steps, len(steps))}
            return {"pipeline": path, "with": {"word": "{{ word }}"}}
        item = f"item{around.depth}"
        steps = self._steps(replace(around, names=(*around.names, item)))
        return {
            "foreach": self._list(around),
            "as": item,
            "steps": self.random.sample(steps, len(steps)),
            **self._maybe(0.3, max_concurrency=1),
        }

    def _list(self, around: "Around") -> str:
        """Give what a foreach runs over."""
        if not self.has_open_lists:
            return self.random.choice(LISTS)
        outputs = [f"{step}.output | default('no')" for step in around.steps]
        named = [f"[{name}, word]" for name in (*around.names[1:], *outputs)]
        lists = [f"[word, 'x', 'y'][:{output} | length]" for output in outputs]
        return self.random.choice([*LISTS, *named, *lists])

    def _maybe(self, chance: float, **options: object) -> dict[str, object]:
        return options if self.random.random() < chance else {}

    def _condition(self, needs: list[str]) -> str:
        conditions = [f"word == '{self.random.choice(WORDS)}'", "word != 'alpha'", "word.nothing.there"]
        conditions += [f"{name}.output | default('no') == 'yes'" for name in needs] * 2
        return self.random.choice(conditions)


@dataclass(frozen=True)
class Around:
    """What generated steps are inside of: what their ids begin with, and what they may name."""

    prefix: str
    most: int
    steps: tuple[str, ...] = ()
    names: tuple[str, ...] = ("word",)
    depth: int = 0

    def inside(self, step: str, needs: list[str]) -> "Around":
        return replace(self, prefix=f"{step}_", most=3, steps=tuple(needs), depth=self.depth + 1)


def every_step(steps: list[Step], pipelines: Mapping[str, Any]) -> Iterator[Step]:
    """Give the steps, and those inside them."""
    for step in steps:
        yield step
        inner = pipelines[step["pipeline"]]["steps"] if "pipeline" in step else step.get("steps", [])
        yield from every_step(inner, pipelines)
