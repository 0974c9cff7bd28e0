"""`is-json` and `contains-json`, with a JSON Schema as value if wanted: a map, or the path of a file."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from promptlab.core.json import JSON
from promptlab.core.patterns import SearchTookTooLong
from promptlab.engine.check import CannotJudge, Check, Finding, Subject
from promptlab.engine.checks.strict_json import NotJson, SearchedTooLong, json_inside, read_json
from promptlab.engine.json_schema import TooLarge, check_schema, misfit
from promptlab.schemas.fields import resolver


def _schema(source: Any, info: ValidationInfo) -> dict[str, JSON]:
    schema = resolver(info).json_schema(source)
    check_schema(schema)
    return schema


type Schema = Annotated[
    dict[str, JSON], PlainValidator(_schema), WithJsonSchema({"type": ["object", "string"]})
]


class _JsonCheck(Check):
    value: Schema | None = Field(default=None)

    async def judge(self, subject: Subject) -> Finding:
        try:
            return self.look(subject)
        except (TooLarge, SearchTookTooLong, SearchedTooLong) as error:
            raise CannotJudge(str(error)) from None

    @abstractmethod
    def look(self, subject: Subject) -> Finding: ...

    def misfit(self, value: JSON) -> str | None:
        return misfit(self.value, value) if self.value is not None else None


class IsJson(_JsonCheck):
    """The whole text is JSON; an output that is no text is JSON as it is."""

    def look(self, subject: Subject) -> Finding:
        output = subject.output
        try:
            value = subject.once(read_json) if isinstance(output, str) else output
        except NotJson as error:
            return Finding.of(passed=False, reason=f"is not JSON: {error}")
        wrong = self.misfit(value)
        if wrong is not None:
            return Finding.of(passed=False, reason=f"does not fit the schema: {wrong}")
        return Finding.of(passed=True, reason="is JSON" if self.value is None else "fits the schema")


class ContainsJson(_JsonCheck):
    """An object or array stands somewhere in the text; with a schema, one that fits it."""

    def look(self, subject: Subject) -> Finding:
        wrong = "contains no JSON"
        for value in _values(subject):
            problem = self.misfit(value)
            if problem is None:
                return Finding.of(passed=True, reason="contains JSON" + (" that fits" if self.value else ""))
            wrong = f"contains JSON that does not fit the schema: {problem}"
        return Finding.of(passed=False, reason=wrong)


def _values(subject: Subject) -> Iterator[JSON]:
    """Give the objects and arrays in an output: the whole of it, if it is one, then those inside."""
    try:
        whole = subject.once(read_json) if isinstance(subject.output, str) else subject.output
    except NotJson:
        whole = None
    if isinstance(whole, dict | list):
        yield whole
    yield from json_inside(subject.text)
