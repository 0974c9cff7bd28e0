"""Walks a trial and gives, for each step, what says whether it does the same as a trial elsewhere.

What cannot be rendered yet, as it hangs on an answer that is not recorded, is known by what it is made of:
its definition, the values that it may use, and what the steps before it give. Answers that are not there are
alike where the requests are; so is all that hangs on them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from itertools import batched

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON, digest
from promptlab.engine.assembly import assemble_walk, still_machinery
from promptlab.engine.attachments import AttachmentSource
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Answer
from promptlab.engine.falling_back import FallbackRecord
from promptlab.engine.forecasting import deciding
from promptlab.engine.places import place_of
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.providers.python import PYTHON
from promptlab.engine.scope import Render
from promptlab.engine.step_request import StepRequest
from promptlab.engine.together import run_together
from promptlab.engine.watch import Watch
from promptlab.live.affected.contents import Contents
from promptlab.live.affected.definition import CellDefinition, Definition
from promptlab.schemas.run import MISSING, StepResult

AT_ONCE = 128


@frozen
class Mark:
    """Digests of what a step asks, "" where it asks nothing, and of what it gives."""

    asks: str
    gives: str


type Trace = Mapping[str, Mark]
"""Marks by place; of a step inside a foreach, of all items together."""


@frozen
class Tracer:
    """Walks trials of one side; nothing is sent or run."""

    log: RecordedAnswers
    render: Render
    attachments: AttachmentSource
    contents: Contents
    cells: Mapping[str, CellDefinition]

    async def all(self, trials: Iterable[Trial]) -> list[Trace]:
        """Give the traces of trials, many of them walked at once."""
        found: list[Trace] = []
        for some in batched(trials, AT_ONCE):
            found += await asyncio.gather(*map(self.trace, some))
        return found

    async def trace(self, trial: Trial) -> Trace:
        walk = _Walk(self, self.cells[trial.key.cell])
        await run_together(
            trial.cell.steps, lambda planned, needed: walk.step(StepRequest(planned, trial, needed))
        )
        return _by_place(walk.marks)

    def used(self, values: Mapping[str, JSON], words: frozenset[str] | None, *, files: bool) -> JSON:
        """Give the values that the words may name, with the digests of the files that they are paths of."""
        found = {name: value for name, value in values.items() if words is None or name in words}
        if not files:
            return found
        paths: dict[str, JSON] = {path: self.contents.digest(path) for path in sorted(_texts(found))}
        return [found, {path: known for path, known in paths.items() if known is not None}]


@slotted
class _Heard:
    """A watch that keeps all that is asked, in order."""

    watch: Watch
    calls: list[Call] = field(default_factory=list)

    async def complete(self, call: Call) -> Answer:
        return await self._hear(call, self.watch.complete)

    async def act(self, call: Call) -> Answer:
        return await self._hear(call, self.watch.act)

    async def _hear(self, call: Call, ask: Callable[[Call], Awaitable[Answer]]) -> Answer:
        self.calls.append(call)
        return await ask(call)

    def asked(self) -> list[JSON]:
        return [_identity(call) for call in self.calls]


@slotted
class _Walk:
    """One trial. `values`: by what stands before the ids of steps inside a step, what these see by name."""

    tracer: Tracer
    cell: CellDefinition
    marks: dict[str, Mark] = field(default_factory=dict)
    values: dict[str, Mapping[str, JSON]] = field(default_factory=dict)

    async def step(self, request: StepRequest) -> StepResult:
        if request.inner is not None:
            self.values.setdefault(request.within, request.inner)
        means = self.tracer
        heard, fallbacks = _Heard(Watch(means.log, fresh=False)), FallbackRecord(means.log)
        machinery = still_machinery(heard.complete, heard.act, fallbacks, means.render, means.attachments)
        result = await assemble_walk(machinery, self.step)(deciding(request))
        self.marks[request.path] = self._mark(request, result, heard.asked())
        return result

    def _mark(self, request: StepRequest, result: StepResult, asked: list[JSON]) -> Mark:
        definition = self.cell.places[place_of(request.path)]
        if result.status != "left":
            return Mark(digest(asked) if asked else "", digest(_content(result)))
        if asked:
            asks = digest([asked, definition.after])
            return Mark(asks, digest([asks, definition.result]))
        begun = [
            within for within in self.values if within.startswith((f"{request.path}.", f"{request.path}["))
        ]
        if begun:
            return self._half_done(request, definition, begun)
        return self._open(request, definition)

    def _half_done(self, request: StepRequest, definition: Definition, begun: Sequence[str]) -> Mark:
        """Mark a step some of whose inner steps wait for answers."""
        inner = [
            [path, mark.gives] for path, mark in sorted(self.marks.items()) if path.startswith(tuple(begun))
        ]
        seen = [
            [within, self._used(self.values[within], definition.result_words)] for within in sorted(begun)
        ]
        rest = self._open(request, definition).gives if request.planned.in_order else ""
        return Mark("", digest([definition.result, inner, seen, self._needed(request), rest]))

    def _open(self, request: StepRequest, definition: Definition) -> Mark:
        """Mark a step that is not reached; and those inside it, for they are not either."""
        needed = self._needed(request)
        entry = digest([definition.ask, self._used(request.values, definition.words), needed])
        inner = self._inside(request.path, request.planned, request.values, entry, needed)
        gives = digest([entry, definition.result, inner])
        return Mark("" if request.planned.inner else entry, gives)

    def _inside(
        self, path: str, around: PlannedStep, values: Mapping[str, JSON], entry: str, needed: JSON
    ) -> list[JSON]:
        """Mark the steps inside one that is not reached; give what they give."""
        definition = self.cell.places[place_of(path)]
        if definition.bound:
            entry = digest([definition.frame, self._used(values, definition.frame_words), needed])
            values = {
                name: digest([one.said, self._used(values, one.words)])
                for name, one in definition.bound.items()
            }
        given: dict[str, JSON] = {}
        for planned in around.inner:
            own = f"{path}.{planned.step.id}"
            before = sorted((planned.needs - planned.for_checks) & given.keys())
            mark = self._mark_inside(own, planned, values, [entry, {name: given[name] for name in before}])
            self.marks[own] = mark
            given[planned.step.id] = mark.gives
        return list(given.values())

    def _mark_inside(
        self, path: str, planned: PlannedStep, values: Mapping[str, JSON], before: list[JSON]
    ) -> Mark:
        definition = self.cell.places[place_of(path)]
        entry = digest([definition.ask, self._used(values, definition.words), before])
        inner = self._inside(path, planned, values, entry, before)
        return Mark("" if planned.inner else entry, digest([entry, definition.result, inner]))

    def _needed(self, request: StepRequest) -> JSON:
        """Give what the steps before a step give, by their names."""
        for_checks = request.planned.for_checks
        return {
            name: self.marks[result.id].gives
            for name, result in request.done.items()
            if name not in for_checks
        }

    def _used(self, values: Mapping[str, JSON], words: frozenset[str]) -> JSON:
        return self.tracer.used(values, words, files=self.cell.reads_files)


def _identity(call: Call) -> JSON:
    """Give what is asked; of a function without its code, which is compared as what it says."""
    request = call.request
    if request.endpoint != PYTHON:
        return request.fingerprint
    said = {name: value for name, value in request.params.items() if name != "code"}
    return [said, request.sample]


def _content(result: StepResult) -> JSON:
    """Give what others see of a step that is done."""
    output: JSON = [] if result.output is MISSING else [result.made]
    return [result.status, result.error_kind, output, [dict(message) for message in result.messages]]


def _by_place(marks: Mapping[str, Mark]) -> Trace:
    gathered: dict[str, list[Mark]] = {}
    for path in sorted(marks):
        gathered.setdefault(place_of(path), []).append(marks[path])
    return {place: found[0] if len(found) == 1 else _together(found) for place, found in gathered.items()}


def _together(marks: Sequence[Mark]) -> Mark:
    asks = [mark.asks for mark in marks if mark.asks]
    return Mark(digest(asks) if asks else "", digest([mark.gives for mark in marks]))


def _texts(value: JSON) -> set[str]:
    match value:
        case str():
            return {value}
        case dict():
            return set().union(*map(_texts, value.values()))
        case list():
            return set().union(*map(_texts, value))
    return set()
