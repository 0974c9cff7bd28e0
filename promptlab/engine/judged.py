"""Checks that a model judges: they render a prompt, ask for a verdict in JSON, and weigh the votes."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from promptlab.core.config import MODEL_PATTERN
from promptlab.core.json import JSON, as_text, digest, finite
from promptlab.engine.attachments import NO_ATTACHMENTS, messages_of
from promptlab.engine.check import CannotJudge, Check, Finding, Subject, shown
from promptlab.engine.checks.strict_json import SearchedTooLong, json_inside
from promptlab.engine.json_schema import TooLarge, misfit
from promptlab.engine.prompt import FrontMatter, PromptFile
from promptlab.engine.question import NoAnswer, Question
from promptlab.engine.scope import filled
from promptlab.schemas.fields import Templated, resolver
from promptlab.schemas.template import Place, Template, TemplatedValue

MOST_VOTES = 25
REASON = "reason"  # the key of a verdict in which all may differ
MARK = 8  # characters that tags in a judge's prompt end in
SEEN = frozenset({"value", "query", "context", "mark"})  # what a judge's prompt sees beside what checks see


def _prompt(given: Any, info: ValidationInfo) -> PromptFile:
    return own_prompt(given, info) or built_in(info.data["type"].removeprefix("not-"))


def own_prompt(given: Any, info: ValidationInfo) -> PromptFile | None:
    """Give the prompt that a pipeline says for a judge; None where it says none."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise ValueError("must be the path of a template; quote it")  # noqa: TRY004
    found: PromptFile = resolver(info).prompt(given)
    return found


@lru_cache
def built_in(kind: str) -> PromptFile:
    """Give the prompt that promptlab brings for a kind of check."""
    name = f"{kind}.j2"
    source = (files("promptlab.engine.judge_prompts") / name).read_text("utf-8")
    return PromptFile(name, Template("prompt", source, name), FrontMatter())


class JudgedCheck(Check, ABC):
    """The options of all checks that a model judges.

    `judge` is the model (default: the pipeline's `judge`, else that of promptlab.yaml), `prompt` a template
    in place of the built-in one, `votes` how often it is asked: more than half of the votes must pass, the
    score is their mean.
    """

    schema_of_verdict: ClassVar[Mapping[str, JSON]]
    wants: ClassVar[frozenset[str]] = frozenset()  # which of `query` and `context` there must be
    falls_back_on_prompt: ClassVar[bool] = False  # True: what the model was asked is the query

    judge_model: str | None = Field(default=None, alias="judge", pattern=MODEL_PATTERN)
    votes: int = Field(default=1, ge=1, le=MOST_VOTES)
    prompt: Annotated[Any, PlainValidator(_prompt), WithJsonSchema({"type": "string"})] = Field(
        default=None, validate_default=True
    )
    query: Templated | None = None
    context: Templated | None = None

    def judges_named(self) -> Iterator[tuple[Place, str | None]]:
        yield ("judge",), self.judge_model

    @property
    def worst_calls(self) -> int:
        return self.votes

    def templates(self) -> Iterator[tuple[Place, Template]]:
        yield from super().templates()
        if "prompt" in self.model_fields_set:
            yield ("prompt",), self.prompt.template
        for name, value in self.own_values().items():
            for place, template in value.holes:
                yield (name, *place), template

    def own_values(self) -> Mapping[str, TemplatedValue]:
        """Give what the check says in templates, by the key that says it."""
        return {name: self._said(name) for name in ("query", "context")}

    def names_beside(self, place: Place) -> frozenset[str]:
        return SEEN if place == ("prompt",) else frozenset()

    @abstractmethod
    def read(self, verdict: Mapping[str, Any]) -> Finding:
        """Make a finding of a verdict that fits the schema. Raises CannotJudge."""

    async def judge(self, subject: Subject) -> Finding:
        names = await self.names(subject)
        if self.votes == 1:
            return await self.opinion(subject, names, 0)
        voting = (self.opinion(subject, names, vote) for vote in range(self.votes))
        return _counted(await asyncio.gather(*voting, return_exceptions=True))

    async def opinion(self, subject: Subject, names: Mapping[str, JSON], vote: int) -> Finding:
        """Give one vote. Raises CannotJudge and NotAsked."""
        return self.read(await self.ask(subject, names, vote))

    async def ask(self, subject: Subject, names: Mapping[str, JSON], vote: int) -> Mapping[str, Any]:
        """Ask once, and give a verdict that fits the schema. Raises CannotJudge and NotAsked."""
        seen = {**names, "mark": digest(dict(names))[:MARK]}  # no text can hold the tag that ends it
        rendered = await subject.evidence.render(self.prompt.template, subject.names.and_values(seen))
        question = Question(
            judge=self.judge_model,
            messages=messages_of(rendered, NO_ATTACHMENTS),
            schema=self.schema_of_verdict,
            vote=vote,
        )
        try:
            answer = await subject.evidence.ask(question)
        except NoAnswer as error:
            raise CannotJudge(str(error)) from None
        return verdict_in(answer.text, self.schema_of_verdict)

    async def names(self, subject: Subject) -> dict[str, JSON]:
        """Give what the prompt sees beside the names of all checks."""
        found = {name: await self._found(name, subject) for name in ("query", "context")}
        return {"output": subject.text, "value": await self.valued(subject), **found}

    async def valued(self, subject: Subject) -> JSON:  # noqa: ARG002 - of kinds that have a value
        """Give what the prompt sees as `value`."""
        return None

    async def _found(self, name: str, subject: Subject) -> JSON:
        said = self._said(name)
        if said.source is not None:
            return as_passages(await filled(said, subject.names, subject.evidence.render))
        value = subject.names.values.get(name)
        if value is None and name == "query" and self.falls_back_on_prompt:
            return prompt_of(subject)
        return as_passages(value)

    def _said(self, name: str) -> TemplatedValue:
        """Give what the check says of a name; where it must have it, the column that is called so."""
        given: TemplatedValue | None = getattr(self, name)
        if given is not None:
            return given
        return (
            TemplatedValue.of(f"{{{{ {name} }}}}", name=name) if name in self.wants else TemplatedValue(None)
        )


def verdict_in(text: str, schema: Mapping[str, JSON]) -> Mapping[str, Any]:
    """Give the object in an answer that fits the schema.

    Raises CannotJudge, also for several that differ: one may be quoted from what was judged.
    """
    wrong, found = f"the judge gave no verdict, but {shown(text)}", list[Mapping[str, Any]]()
    try:
        for value in _objects(text):
            fault = misfit(schema, dict(value))
            if fault is None:
                found.append(value)
            else:
                wrong = f"the judge's verdict does not fit its schema: {fault}"
    except (SearchedTooLong, TooLarge) as error:
        raise CannotJudge(f"the judge's verdict cannot be read: {error}") from None
    if not found:
        raise CannotJudge(wrong)
    if any({**one, REASON: ""} != {**found[0], REASON: ""} for one in found):
        raise CannotJudge(f"the judge gave several verdicts, which differ: {shown(text)}")
    return found[0]


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        whole = json.loads(text, parse_float=finite)
    except (ValueError, RecursionError):
        whole = None
    found = [whole] if isinstance(whole, dict) else json_inside(text)
    return (value for value in found if isinstance(value, dict))


def verdict_of(
    fields: Mapping[str, JSON], *, before: Mapping[str, JSON] = MappingProxyType({})
) -> Mapping[str, JSON]:
    """Give the JSON Schema of a verdict: what comes `before`, the reason, then what it leads to."""
    properties: dict[str, JSON] = {**before, REASON: {"type": "string"}, **fields}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def prompt_of(subject: Subject) -> str | None:
    """Give what the user said to the model whose answer is judged; None where that is no one model."""
    if len(subject.results) != 1:
        return None
    (result,) = subject.results
    asked = result.messages[: len(result.messages) - result.said]
    return "\n\n".join(as_text(message["content"]) for message in asked if message["role"] == "user") or None


def as_passages(value: JSON) -> JSON:
    """Give a list of texts as one text, a paragraph each; anything else as it is."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n\n".join(map(str, value))
    return value


def _counted(votes: Sequence[Finding | BaseException]) -> Finding:
    """Decide by most of the votes; those that could not be read count for neither side."""
    for vote in votes:
        if isinstance(vote, BaseException) and not isinstance(vote, CannotJudge):
            raise vote
    findings = [vote for vote in votes if isinstance(vote, Finding)]
    passing = [finding for finding in findings if finding.passed]
    failing = [finding for finding in findings if not finding.passed]
    if len(passing) * 2 <= len(votes) and len(failing) * 2 < len(votes):
        invalid = next(str(vote) for vote in votes if isinstance(vote, CannotJudge))
        raise CannotJudge(f"no majority of {len(votes)} votes: {invalid}")
    agreeing = passing if len(passing) * 2 > len(votes) else failing
    score = sum(finding.score for finding in findings) / len(findings)
    return Finding(agreeing is passing, score, f"{len(agreeing)} of {len(votes)} votes: {agreeing[0].reason}")
