"""Each provider over HTTP keeps the same contract: whole answers, or one error of the tree."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from promptlab.core.config import SettingsFile, settle
from promptlab.core.environment import Environment
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest, Usage
from promptlab.engine.conversation import Message
from promptlab.engine.provider import (
    BrokenAnswer,
    ConnectionFailed,
    InvalidRequest,
    Provider,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    UnknownModel,
)
from promptlab.engine.providers.factory import build_provider
from promptlab.schemas.pipeline import Params
from tests.dialects import DIALECTS, ENTRIES, KEY, address_at, provider_at
from tests.fakes import FakeProvider, dead_server
from tests.virtual_time import move_clock

PLAIN = Params()
ENUM: dict[str, JSON] = {"type": "string", "enum": ["billing", "account"]}
OBJECT: dict[str, JSON] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Asker:
    """A provider against the fake one, and a request for it."""

    provider: Provider
    model: str

    def request(self, *, schema: dict[str, JSON] | None = None, params: Params = PLAIN) -> CompletionRequest:
        return CompletionRequest(
            self.provider.profile(self.model).endpoint,
            self.model,
            (Message("system", "Be brief."), Message("user", "hello")),
            self.provider.wire_params(self.model, params),
            schema,
        )


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(dialect: str, fake_provider: FakeProvider) -> str:
    return address_at(fake_provider, dialect)


class Streaming:
    """A provider whose every answer is streamed."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    async def complete(self, request: CompletionRequest) -> Completion:
        return await self._provider.stream(request, self.told.append)


@pytest.fixture(params=["plain", "streamed"])
async def asker(request: pytest.FixtureRequest, dialect: str, address: str) -> AsyncIterator[Asker]:
    provider = provider_at(dialect, address, timeout=60)
    asked = cast("Provider", Streaming(provider)) if request.param == "streamed" else provider
    yield Asker(asked, "some-model")
    await provider.close()


async def failure_of(asker: Asker) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await asker.provider.complete(asker.request())
    return caught.value


async def test_a_whole_answer_has_text_usage_and_the_bytes_received(
    asker: Asker, fake_provider: FakeProvider
) -> None:
    """
    Given a server that answers,
    when a completion is asked,
    then its text, reason, usage and raw bytes are those of the answer.
    """
    fake_provider.script({"answer": "Paris."})

    completion = await asker.provider.complete(asker.request())

    assert (completion.text, completion.finish_reason) == ("Paris.", "stop")
    assert completion.answered_by == "some-model"
    assert b"usage" in completion.raw
    assert completion.usage.output_tokens > 0
    assert completion.latency_ms > 0
    assert fake_provider.sent_count == 1


async def test_the_key_goes_with_the_request(dialect: str, address: str, fake_provider: FakeProvider) -> None:
    """
    Given a server that wants the right key,
    when a completion is asked with it,
    then it is answered.
    """
    fake_provider.configure(api_key=KEY)
    provider = provider_at(dialect, address)

    completion = await provider.complete(Asker(provider, "m").request())
    await provider.close()

    assert completion.text
    assert [request.key for request in fake_provider.requests()] == ["right"]


STATUSES: list[tuple[int, type[ProviderError]]] = [
    (400, InvalidRequest),
    (401, Refused),
    (402, Refused),
    (403, Refused),
    (404, UnknownModel),
    (408, ServerFault),
    (409, InvalidRequest),
    (413, InvalidRequest),
    (422, InvalidRequest),
    (429, RateLimited),
    (500, ServerFault),
    (502, ServerFault),
    (503, ServerFault),
    (504, ServerFault),
    (529, RateLimited),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_each_status_is_one_kind_of_failure(
    asker: Asker, fake_provider: FakeProvider, status: int, kind: type[ProviderError]
) -> None:
    """
    Given a server that answers with an error status,
    when a completion is asked,
    then the failure has its class, kind and status, and one request was sent.
    """
    fake_provider.script({"status": status})

    failure = await failure_of(asker)

    assert type(failure) is kind
    assert failure.status == status
    assert failure.closes == (status in (401, 402, 403, 404))
    assert failure.outcome == "failed"
    assert "fake/some-model: " in failure.message
    assert fake_provider.sent_count == 1


BROKEN = ["truncated-json", "silent-end", "html", "wrong-shape", "empty-body", "no-usage", "null-content"]


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_answer_that_is_none_is_never_a_success(
    asker: Asker, fake_provider: FakeProvider, fault: str
) -> None:
    """
    Given a server whose answer of status 200 is no answer,
    when a completion is asked,
    then it fails as broken, of unknown outcome, with the bytes received.
    """
    fake_provider.script({"fault": fault})

    failure = await failure_of(asker)

    assert type(failure) is BrokenAnswer
    assert (failure.kind, failure.outcome, failure.closes) == ("server", "unknown", False)
    assert failure.raw or fault == "empty-body"


@pytest.mark.parametrize("dialect", ["openai", "responses"], indirect=True)
async def test_an_answer_without_choices_is_broken(asker: Asker, fake_provider: FakeProvider) -> None:
    """
    Given a server of OpenAI's protocol that answers with an empty list of choices, or of output,
    when a completion is asked,
    then it fails as broken.
    """
    fake_provider.script({"fault": "empty-choices"})

    failure = await failure_of(asker)

    assert type(failure) is BrokenAnswer


@pytest.mark.parametrize(
    "fault", ["reset-before-headers", "reset-after-headers", "reset-in-body", "cut-body"]
)
async def test_a_connection_lost_after_sending_is_of_unknown_outcome(
    asker: Asker, fake_provider: FakeProvider, fault: str
) -> None:
    """
    Given a server that breaks off once it has the request,
    when a completion is asked,
    then it fails as a lost connection of unknown outcome.
    """
    fake_provider.script({"fault": fault})

    failure = await failure_of(asker)

    assert type(failure) is ConnectionFailed
    assert failure.outcome == "unknown"


@pytest.mark.parametrize("fault", ["hang", "hang-after-headers", "hang-in-body", "drip"])
async def test_an_answer_that_does_not_come_in_time_is_of_unknown_outcome(
    dialect: str, address: str, fake_provider: FakeProvider, fault: str
) -> None:
    """
    Given a server that hangs, or drips slower than the time allowed,
    when a completion is asked,
    then it times out, with unknown outcome.
    """
    fake_provider.script({"fault": fault, "ms": 1_000})
    provider = provider_at(dialect, address, timeout=60)
    asked = asyncio.ensure_future(failure_of(Asker(provider, "m")))
    await asyncio.to_thread(fake_provider.wait_for_requests, 1)

    move_clock(61)
    failure = await asked
    await provider.close()

    assert type(failure) is TimedOut
    assert (failure.kind, failure.outcome) == ("timeout", "unknown")


async def test_a_port_where_nobody_listens_is_a_failed_connection(dialect: str) -> None:
    """
    Given an address where nobody listens,
    when a completion is asked,
    then it failed for certain, and the message names the address.
    """
    with dead_server() as url:
        provider = provider_at(dialect, url)
        failure = await failure_of(Asker(provider, "m"))
    await provider.close()

    assert type(failure) is ConnectionFailed
    assert failure.outcome == "failed"
    assert url in failure.message


async def test_a_host_that_is_not_found_is_a_failed_connection(dialect: str) -> None:
    """
    Given a host name that nobody has,
    when a completion is asked,
    then it failed for certain, and the message says so.
    """
    provider = provider_at(dialect, "https://nobody.invalid/v1")

    failure = await failure_of(Asker(provider, "m"))
    await provider.close()

    assert type(failure) is ConnectionFailed
    assert failure.outcome == "failed"
    assert "nobody.invalid is not found" in failure.message


async def test_a_server_without_tls_is_a_failed_connection(dialect: str) -> None:
    """
    Given an https address where something else is spoken,
    when a completion is asked,
    then it failed before anything was sent.
    """

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    provider = provider_at(dialect, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    failure = await failure_of(Asker(provider, "m"))
    await provider.close()
    server.close()

    assert type(failure) is ConnectionFailed
    assert failure.outcome == "failed"
    assert "no trusted connection" in failure.message


async def test_a_handshake_that_never_ends_is_a_failed_attempt(dialect: str) -> None:
    """
    Given an https address that accepts connections and says nothing,
    when a completion is asked,
    then it times out before anything was sent.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        provider = provider_at(dialect, address, timeout=0.4)
        failure = await failure_of(Asker(provider, "m"))
    await provider.close()

    assert type(failure) is TimedOut
    assert failure.outcome == "failed"


async def test_a_redirect_is_not_followed(asker: Asker, fake_provider: FakeProvider) -> None:
    """
    Given a server that sends elsewhere,
    when a completion is asked,
    then nothing goes there, and the message names the other host.
    """
    fake_provider.script({"fault": "redirect", "to": f"http://localhost:{fake_provider.port}/v1/elsewhere"})

    failure = await failure_of(asker)

    assert type(failure) is InvalidRequest
    assert "localhost" in failure.message
    assert fake_provider.sent_count == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (7, 7.0),
        ("1.5", 1.5),
        ({"ms": 250}, 0.25),
        ({"date": -60}, 0.0),
        (-3, 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        (10**9, 1e9),
        (None, None),
    ],
)
async def test_retry_after_is_understood_in_all_forms(
    asker: Asker, fake_provider: FakeProvider, said: JSON, seconds: float | None
) -> None:
    """
    Given a server that says how long to wait,
    when a completion is refused for now,
    then the failure tells the seconds, or none where it makes no sense.
    """
    fake_provider.script({"status": 429, "retry_after": said})

    failure = await failure_of(asker)

    assert failure.retry_after == seconds


async def test_retry_after_a_date_counts_from_now(asker: Asker, fake_provider: FakeProvider) -> None:
    """
    Given a server that names a moment thirty seconds away,
    when a completion is refused for now,
    then the failure tells about thirty seconds.
    """
    fake_provider.script({"status": 503, "retry_after": {"date": 30}})

    failure = await failure_of(asker)

    assert failure.retry_after == pytest.approx(30, abs=2)


@pytest.mark.parametrize("dialect", ["openai", "responses"], indirect=True)
async def test_an_account_without_credit_closes_the_model(asker: Asker, fake_provider: FakeProvider) -> None:
    """
    Given a 429 that says insufficient_quota,
    when a completion is asked,
    then it is a refusal, which closes the model, not a reason to wait.
    """
    fake_provider.script({"status": 429, "error": {"code": "insufficient_quota"}})

    failure = await failure_of(asker)

    assert type(failure) is Refused
    assert failure.closes


async def test_an_unknown_model_and_a_wrong_path_read_differently(
    dialect: str, address: str, fake_provider: FakeProvider
) -> None:
    """
    Given a server that knows one model,
    when another is asked, and when a path is asked that is not there,
    then one message names the model, the other the address.
    """
    fake_provider.configure(models=["one"])
    known, lost = provider_at(dialect, address), provider_at(dialect, f"{address}/nowhere")

    no_model = await failure_of(Asker(known, "two"))
    no_path = await failure_of(Asker(lost, "one"))
    await known.close()
    await lost.close()

    assert type(no_model) is type(no_path) is UnknownModel
    assert "there is no model 'two'" in no_model.message
    assert "check its base_url" in no_path.message
    assert ("take out `api: responses`" in no_path.message) == (dialect == "responses")


@pytest.mark.parametrize("status", [401, 500])
async def test_no_key_stands_in_any_failure(asker: Asker, fake_provider: FakeProvider, status: int) -> None:
    """
    Given a server that repeats the key in its error,
    when a completion is asked,
    then neither message, bytes nor representation have it.
    """
    fake_provider.script({"status": status, "error": {"message": f"bad key {KEY} and sk-proj-{'A' * 40}"}})

    failure = await failure_of(asker)

    shown = f"{failure!r} {failure.message} {failure.raw!r} {failure.as_failure()!r} {asker.provider!r}"
    assert KEY not in shown
    assert "AAAA" not in shown


@pytest.mark.parametrize("schema", [OBJECT, ENUM, {"type": "array", "items": {"type": "integer"}}])
async def test_an_answer_under_a_schema_is_the_bare_value(
    asker: Asker, fake_provider: FakeProvider, schema: dict[str, JSON]
) -> None:
    """
    Given an output schema of an object, of words, or of a list,
    when a completion is asked,
    then what was sent has an object at the top, and the text is the value itself.
    """
    completion = await asker.provider.complete(asker.request(schema=schema))

    body = fake_provider.requests()[0].body
    assert sent_schema(body)["type"] == "object"
    if schema is ENUM:
        assert completion.text in ("billing", "account")
    else:
        assert isinstance(json.loads(completion.text), dict if schema is OBJECT else list)


def sent_schema(body: dict[str, Any]) -> Any:
    match body:
        case {"response_format": {"json_schema": {"schema": schema}}}:
            return schema
        case {"text": {"format": {"schema": schema}}} | {"output_config": {"format": {"schema": schema}}}:
            return schema
    return None


@pytest.mark.parametrize("finish", ["length", "refusal"])
async def test_an_answer_that_ended_early_keeps_its_text(
    asker: Asker, fake_provider: FakeProvider, finish: str
) -> None:
    """
    Given an answer that was cut at its length, or a refusal,
    when a completion is asked,
    then the reason says so and the text is kept.
    """
    fake_provider.script({"answer": {"text": "I would", "finish_reason": finish}})

    completion = await asker.provider.complete(asker.request())

    assert (completion.text, completion.finish_reason) == ("I would", finish)


async def test_more_calls_fly_at_once_than_any_pool_has_by_default(
    dialect: str, address: str, fake_provider: FakeProvider
) -> None:
    """
    Given a server that takes a while,
    when a hundred and twenty completions are asked together,
    then all of them are in flight at once.
    """
    fake_provider.configure(latency_ms=3000)
    provider = provider_at(dialect, address)
    asker = Asker(provider, "m")

    await asyncio.gather(*(provider.complete(asker.request()) for _ in range(120)))
    await provider.close()

    assert max(request.in_flight for request in fake_provider.requests()) == 120


async def test_closing_twice_is_closing_once(asker: Asker) -> None:
    """
    Given a provider that has answered,
    when it is closed twice,
    then nothing happens the second time.
    """
    await asker.provider.complete(asker.request())

    await asker.provider.close()
    await asker.provider.close()


async def test_a_missing_key_is_told_before_any_request(fake_provider: FakeProvider) -> None:
    """
    Given a provider whose key is not set,
    when it is built, checked and asked,
    then it can be built, but neither passes the check nor sends anything.
    """
    entry = {"type": "openai", "base_url": fake_provider.base_url, "api_key": "${NO_KEY}"}
    file = SettingsFile.model_validate({"providers": {"fake": entry}})
    provider = build_provider("fake", settle(file, environment=Environment()))

    with pytest.raises(UsageError, match="export NO_KEY"):
        provider.check("m")
    failure = await failure_of(Asker(provider, "m"))

    assert type(failure) is Refused
    assert fake_provider.sent_count == 0


NAMES = {"openai": "max_tokens", "responses": "max_output_tokens", "anthropic": "max_tokens"}


async def test_params_reach_the_wire_under_the_vendors_names(
    asker: Asker, dialect: str, fake_provider: FakeProvider
) -> None:
    """
    Given params with a limit and an extra,
    when a completion is asked,
    then the body has them as the vendor calls them.
    """
    request = asker.request(params=Params(max_tokens=20, extra={"service_tier": "flex"}))

    await asker.provider.complete(request)

    body = fake_provider.requests()[0].body
    assert (body[NAMES[dialect]], body["service_tier"]) == (20, "flex")


def vendor(name: str) -> Provider:
    """Build the provider of this name; `responses` is OpenAI's by `api: responses`."""
    keys = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    entries = {"openai": ENTRIES[name]} if name == "responses" else {}
    file = SettingsFile.model_validate({"providers": entries})
    return build_provider("openai" if entries else name, settle(file, environment=Environment(keys)))


@pytest.mark.parametrize(
    ("model", "params", "refused"),
    [
        ("openai/o3", {"temperature": 0.0}, "temperature"),
        ("openai/gpt-5-mini", {"top_p": 0.5}, "top_p"),
        ("openai/gpt-4o-mini", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("openai/gpt-4o-mini", {"extra": {"stream": True}}, "stream"),
        ("anthropic/claude-sonnet-4-5", {"temperature": 0.0}, "temperature"),
        ("anthropic/claude-sonnet-4-5", {"seed": 1}, "seed"),
        ("openai/gpt-6-luna", {"temperature": 0.0}, "temperature"),
        ("openai/gpt-5.4", {"temperature": 0.0, "reasoning_effort": "low"}, "temperature"),
        ("openai/o3", {"stop": "END"}, "stop"),
        ("openai/gpt-5-mini", {"stop": ["END"]}, "stop"),
        ("openai/gpt-5.2", {"stop": ["END"], "reasoning_effort": "none"}, "stop"),
        ("openai/gpt-4o", {"stop": list("abcde")}, "4 texts in `stop` at most, and these are 5"),
        ("openai/gpt-4o", {"max_tokens": 16_385}, "16,384 tokens at most, and max_tokens is 16,385"),
        ("openai/ft:gpt-4o-mini:us::1", {"max_tokens": 20_000}, "16,384 tokens at most"),
        ("openai/gpt-5-pro", {"reasoning_effort": "low"}, "reasoning_effort low; it has high"),
        ("openai/o4-mini", {"reasoning_effort": "minimal"}, "minimal; it has low, medium, high"),
        ("openai/gpt-5", {"reasoning_effort": "none"}, "none; it has minimal, low, medium, high"),
        ("openai/gpt-5.1", {"reasoning_effort": "minimal"}, "minimal; it has none, low"),
        ("openai/gpt-5.1", {"reasoning_effort": "xhigh"}, "xhigh; it has none, low, medium, high"),
        ("openai/gpt-6-astra", {"reasoning_effort": "none"}, "none; it has low"),
        ("openai/o1-mini", {"reasoning_effort": "low"}, "has no reasoning_effort"),
        ("anthropic/claude-haiku-4-5", {"reasoning_effort": "low"}, "has no reasoning_effort"),
        ("anthropic/claude-opus-4-5", {"reasoning_effort": "max"}, "max; it has low, medium, high"),
        ("anthropic/claude-opus-4-6", {"reasoning_effort": "xhigh"}, "it has low, medium, high, max"),
        ("anthropic/claude-opus-5", {"reasoning_effort": "minimal"}, "it has low, medium, high, xhigh, max"),
        ("anthropic/claude-sonnet-4-5", {"max_tokens": 64_001}, "64,000 tokens at most"),
        ("anthropic/claude-opus-5", {"stop": [" "]}, "white space"),
        ("responses/gpt-4o-mini", {"max_tokens": 20_000}, "16,384 tokens at most"),
        ("local/smollm2-135m", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("responses/gpt-4o-mini", {"stop": "END"}, "`api: responses` has no stop"),
        ("responses/gpt-4o-mini", {"seed": 1, "presence_penalty": 1}, "no seed or presence_penalty"),
        ("responses/gpt-4o-mini", {"frequency_penalty": 1}, "frequency_penalty"),
        ("responses/gpt-4o-mini", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("responses/gpt-4o-mini", {"max_tokens": 15}, "no max_tokens below 16"),
        ("responses/gpt-4o-mini", {"extra": {"input": "x"}}, "input"),
        ("responses/gpt-4o-mini", {"extra": {"background": True}}, "background"),
        ("responses/o3", {"temperature": 0.0}, "temperature"),
    ],
)
def test_a_param_that_the_model_has_none_of_is_refused(
    model: str, params: dict[str, Any], refused: str
) -> None:
    """
    Given a model without some parameter,
    when the params name it,
    then they are refused, naming it.
    """
    provider, _, name = model.partition("/")

    with pytest.raises(ValueError, match=refused):
        vendor(provider).wire_params(name, Params(**params))


@pytest.mark.parametrize(
    ("model", "params", "wire"),
    [
        ("openai/gpt-4o-mini", {"temperature": 0.0, "max_tokens": 9}, {"temperature": 0.0, "max_tokens": 9}),
        ("openai/o3", {"max_tokens": 9}, {"max_completion_tokens": 9}),
        ("openai/gpt-5-chat-latest", {"temperature": 1.0}, {"temperature": 1.0}),
        ("openai/gpt-6-luna", {"max_tokens": 9}, {"max_completion_tokens": 9}),
        (
            "openai/gpt-5.2",
            {"temperature": 0.0, "reasoning_effort": "none"},
            {"temperature": 0.0, "reasoning_effort": "none"},
        ),
        ("openai/gpt-5.5", {"stop": ["END"]}, {"stop": ["END"]}),
        ("openai/o3-mini", {"stop": ["END"]}, {"stop": ["END"]}),
        ("openai/gpt-9-new", {"reasoning_effort": "max"}, {"reasoning_effort": "max"}),
        ("openai/our-own", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("openai/gpt-5-pro", {"max_tokens": 200_000}, {"max_completion_tokens": 200_000}),
        (
            "anthropic/claude-opus-5",
            {"reasoning_effort": "max", "max_tokens": 128_000, "stop": "END"},
            {"max_tokens": 128_000, "output_config": {"effort": "max"}, "stop_sequences": ["END"]},
        ),
        ("anthropic/claude-opus-4-5", {}, {"max_tokens": 4096}),
        (
            "anthropic/claude-opus-4-5",
            {"reasoning_effort": "low"},
            {"max_tokens": 4096, "output_config": {"effort": "low"}},
        ),
        (
            "anthropic/claude-opus-4-5",
            {"reasoning_effort": "low", "extra": {"output_config": {"x": 1}}},
            {"max_tokens": 4096, "output_config": {"effort": "low", "x": 1}},
        ),
        (
            "responses/gpt-4o-mini",
            {"temperature": 0.0, "top_p": 1.0, "max_tokens": 16},
            {"temperature": 0.0, "top_p": 1.0, "max_output_tokens": 16},
        ),
        (
            "responses/o3",
            {"reasoning_effort": "low", "extra": {"reasoning": {"summary": "auto"}, "store": True}},
            {"reasoning": {"effort": "low", "summary": "auto"}, "store": True},
        ),
        ("local/smollm2-135m", {"seed": 1}, {"max_tokens": 512, "seed": 1}),
        ("echo/echo", {"extra": {"a": 1}}, {"a": 1}),
    ],
)
def test_params_are_mapped_by_vendor_and_model(
    model: str, params: dict[str, Any], wire: dict[str, JSON]
) -> None:
    """
    Given common names,
    when they are mapped for a model,
    then they have its names, with the limit that it cannot do without.
    """
    provider, _, name = model.partition("/")

    assert vendor(provider).wire_params(name, Params(**params)) == wire


def endpoints() -> Iterator[tuple[str, dict[str, Any], dict[str, str], str]]:
    yield "openai", {}, {}, "openai"
    yield "openai", {}, {"OPENAI_BASE_URL": "https://Proxy.example/v1/"}, "https://proxy.example/v1"
    yield "openai", {"base_url": "https://h.example:443/v1"}, {}, "https://h.example/v1"
    yield "vllm", {}, {}, "http://127.0.0.1:8000/v1"
    yield "mine", {"base_url": "http://10.0.0.7:9/v1"}, {}, "http://10.0.0.7:9/v1"
    yield "mine", {"base_url": "http://10.0.0.7:9/v1", "identity": "our-vllm"}, {}, "our-vllm"
    yield "local", {}, {}, "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    yield "echo", {}, {}, "echo"


@pytest.mark.parametrize(("name", "entry", "variables", "identity"), list(endpoints()))
def test_an_endpoint_is_identified_by_where_it_is(
    name: str, entry: dict[str, Any], variables: dict[str, str], identity: str
) -> None:
    """
    Given a provider at its vendor's address, elsewhere, or in our care,
    when its profile is asked,
    then the endpoint's identity is its name, its address, its own word, or the weights' hash.
    """
    file = SettingsFile.model_validate({"providers": {name: entry}} if entry else {})
    provider = build_provider(name, settle(file, environment=Environment(variables)))

    assert provider.profile("smollm2-135m").endpoint.identity == identity


def test_the_api_is_a_part_of_the_endpoint() -> None:
    """
    Given one address, asked for chat completions and for responses,
    when the profiles are asked,
    then the endpoints differ in their api alone, so that neither recalls the other's answers.
    """
    chat, responses = (vendor(name).profile("gpt-4o-mini").endpoint for name in ("openai", "responses"))

    assert (chat.api, responses.api) == ("chat", "responses")
    assert replace(chat, api="responses") == responses


@pytest.mark.parametrize("name", ["anthropic", "local", "echo"])
def test_a_type_without_responses_refuses_them(name: str) -> None:
    """
    Given a provider of a type that has no responses,
    when its entry asks for them,
    then that is told, with what to do.
    """
    file = SettingsFile.model_validate({"providers": {name: {"api": "responses"}}})

    with pytest.raises(UsageError, match=f"providers.{name}.api: type {name} has no responses"):
        build_provider(name, settle(file, environment=Environment()))


async def test_echo_answers_with_the_last_user_message() -> None:
    """
    Given two user messages,
    when echo is asked,
    then it says the last, and counts a token for each four characters begun.
    """
    provider = vendor("echo")
    messages = (Message("user", "first"), Message("assistant", "yes"), Message("user", "second!"))
    request = CompletionRequest(provider.profile("echo").endpoint, "echo", messages)

    completion = await provider.complete(request)

    assert (completion.text, completion.usage) == ("second!", Usage(4, 2))
