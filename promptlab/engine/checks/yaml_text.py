"""`is-yaml`, with a JSON Schema as value if wanted: a map, or the path of a file."""

from pydantic import Field

from promptlab.core.json import JSON
from promptlab.core.patterns import SearchTookTooLong
from promptlab.engine.check import CannotJudge, Check, Finding, Subject
from promptlab.engine.checks.json_text import Schema
from promptlab.engine.checks.strict_yaml import NotYaml, TooMuchYaml, read_yaml
from promptlab.engine.json_schema import TooLarge, misfit


class IsYaml(Check):
    """The whole text is YAML whose documents are lists or maps; an output that is no text is YAML as it is.

    Any sentence is YAML too, a text without quotes. So each document must be a list or a map, unless there is
    a JSON Schema as value, which each must fit then: a map, or the path of a file. It is strict: a key that
    stands twice is refused. Words are read as YAML 1.2 has it (`no` and `on` are text), keys are text as
    written. A fence around it (three backticks) is no YAML.
    """

    value: Schema | None = Field(default=None)

    async def judge(self, subject: Subject) -> Finding:
        output = subject.output
        try:
            documents = read_yaml(output) if isinstance(output, str) else [output]
            wrong = next(filter(None, map(self._fault, documents)), None)
        except NotYaml as error:
            return Finding.of(passed=False, reason=f"is not YAML: {error}")
        except (TooMuchYaml, TooLarge, SearchTookTooLong) as error:
            raise CannotJudge(str(error)) from None
        if not documents:
            return Finding.of(passed=False, reason="is not YAML: it is empty")
        reason = wrong or ("is YAML" if self.value is None else "fits the schema")
        return Finding.of(passed=wrong is None, reason=reason)

    def _fault(self, document: JSON) -> str | None:
        if self.value is None:
            return None if isinstance(document, dict | list) else "is YAML, but no list or map"
        found = misfit(self.value, document)
        return None if found is None else f"does not fit the schema: {found}"
