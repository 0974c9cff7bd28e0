"""A request over HTTP: the body of the answer is the output."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from promptlab.core.json import JSON, as_text
from promptlab.engine.completion import CallFailure
from promptlab.engine.step import Part, Step, holes
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.engine.web import WebRequest, final_url, fixed_origin, is_secret_header
from promptlab.schemas.base import Frozen
from promptlab.schemas.fields import Templated, TextTemplate
from promptlab.schemas.pipeline import TEXT_OUTPUT, OutputSpec
from promptlab.schemas.refusal import Refusal
from promptlab.schemas.template import Template, TemplatedValue, is_templated

type Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BODILESS = ("GET", "HEAD", "OPTIONS")
OURS = ("host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
PLAIN = "has text, numbers, true and false"
NO_SECRETS = "a pipeline holds no secrets; ask a service that adds the key itself"


class HttpOptions(Frozen):
    """What is sent, and where to. `method` None: POST where there is a body, else GET."""

    method: Method | None = None
    url: TextTemplate
    headers: dict[str, TextTemplate] = Field(default_factory=dict)
    query: dict[str, Templated] = Field(default_factory=dict)
    json_body: Templated = Field(default=TemplatedValue(None), alias="json")
    body: TextTemplate | None = None

    @field_validator("url")
    @classmethod
    def _leads_somewhere(cls, url: Template) -> Template:
        origin = fixed_origin(url.source)
        if not is_templated(url.source):
            final_url(url.source, (), origin=origin)
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, Template]) -> dict[str, Template]:
        for name, template in headers.items():
            problem = _header_problem(name, template)
            if problem is not None:
                raise Refusal(problem, below=(name,), hint=NO_SECRETS if is_secret_header(name) else None)
        return headers

    @field_validator("query")
    @classmethod
    def _are_parameters(cls, query: dict[str, TemplatedValue]) -> dict[str, TemplatedValue]:
        for name, value in query.items():
            if isinstance(value.source, dict):
                raise Refusal("a map cannot stand in a query; give text, a number or a list", below=(name,))
            if isinstance(value.source, list) and any(_is_nothing_plain(item) for item in value.source):
                raise Refusal(f"a list in a query {PLAIN}", below=(name,))
        return query

    @model_validator(mode="after")
    def _body_fits(self) -> Self:
        if self.is_json and self.body is not None:
            raise Refusal("say `json` or `body`, not both", below=("body",))
        if self.has_body and self.method in BODILESS:
            name = "json" if self.is_json else "body"
            raise Refusal(f"{self.method} sends no body", hint="say `method: POST`", below=(name,))
        return self

    @property
    def is_json(self) -> bool:
        return "json_body" in self.model_fields_set

    @property
    def has_body(self) -> bool:
        return self.is_json or self.body is not None

    @property
    def verb(self) -> str:
        return self.method or ("POST" if self.has_body else "GET")

    def parts(self) -> Iterator[Part]:
        yield Part(("url",), self.url)
        for name, template in self.headers.items():
            yield Part(("headers", name), template)
        for name, value in self.query.items():
            yield from holes(value, ("query", name))
        yield from holes(self.json_body, ("json",))
        if self.body is not None:
            yield Part(("body",), self.body)


class HttpStep(Step):
    key: ClassVar[str] = "http"
    gives_text: ClassVar[bool] = True

    http: HttpOptions

    @property
    def parsed_as(self) -> OutputSpec:
        return self.output or TEXT_OUTPUT

    def own_parts(self) -> Iterator[Part]:
        for part in self.http.parts():
            yield Part(("http", *part.place), part.template)

    async def run(self, context: StepContext) -> Produced | StepFailed:
        try:
            request = await _filled(self.http, context)
        except ValueError as error:
            return StepFailed(kind="invalid_request", message=str(error))
        answer = await context.fetch(request)
        return StepFailed.of(answer) if isinstance(answer, CallFailure) else Produced(value=answer)


async def _filled(http: HttpOptions, context: StepContext) -> WebRequest:
    """Render the templates; raises ValueError for a request that must not be sent."""
    query = [(name, text) for name in http.query for text in await _parameter(name, http, context)]
    headers = {name: as_text(await context.render(text)).strip() for name, text in http.headers.items()}
    for name, text in headers.items():
        if not text.isprintable():
            raise ValueError(f"http.headers.{name}: the value has line breaks or other control characters")
    rendered = as_text(await context.render(http.url)).strip()
    try:
        url = final_url(rendered, query, origin=fixed_origin(http.url.source))
    except ValueError as error:
        raise ValueError(f"http.url: {error}") from None
    body: JSON = None
    if http.is_json:
        body = await _value(http.json_body, context)
    elif http.body is not None:
        body = await context.render(http.body)
    return WebRequest(method=http.verb, url=url, headers=headers, body=body, is_json=http.is_json)


async def _parameter(name: str, http: HttpOptions, context: StepContext) -> list[str]:
    """Give the texts of a parameter of the query: none for null, one for each item of a list."""
    value = await _value(http.query[name], context)
    items = value if isinstance(value, list) else [] if value is None else [value]
    if any(map(_is_nothing_plain, items)):
        raise ValueError(f"http.query.{name}: must be text, a number, true, false or a list of these")
    return [as_text(item) for item in items]


async def _value(value: TemplatedValue, context: StepContext) -> JSON:
    return value.filled([await context.render(template) for _, template in value.holes])


def _is_nothing_plain(item: JSON) -> bool:
    return item is None or isinstance(item, dict | list)


def _header_problem(name: str, template: Template) -> str | None:
    if HEADER_NAME.fullmatch(name) is None:
        return f"'{name}' is no name of a header"
    if name.lower() in OURS:
        return f"the header {name} is set by promptlab itself"
    if is_templated(template.source):
        return None
    if is_secret_header(name):
        return f"a literal key in the header {name} is refused"
    if not template.source.strip().isprintable():
        return f"the header {name} has line breaks or other control characters"
    return None
