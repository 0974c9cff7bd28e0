"""The vendors' own clients, over aiohttp, understand the fake provider and its faults."""

import asyncio
from collections.abc import AsyncIterator

import anthropic
import httpx2
import openai
import pytest

from tests.fakes import FakeProvider, dead_server
from tests.virtual_time import move_clock

KEY = "sk-fake-0123456789"


@pytest.fixture
async def chat(fake_provider: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    fake_provider.configure(api_key=KEY)
    client = openai.AsyncOpenAI(
        api_key=KEY,
        base_url=fake_provider.base_url,
        max_retries=0,
        timeout=5,
        http_client=openai.DefaultAioHttpClient(),
    )
    async with client:
        yield client


@pytest.fixture
async def messages(fake_provider: FakeProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    fake_provider.configure(api_key=KEY)
    client = anthropic.AsyncAnthropic(
        api_key=KEY,
        base_url=fake_provider.anthropic_base_url,
        max_retries=0,
        timeout=5,
        http_client=anthropic.DefaultAioHttpClient(),
    )
    async with client:
        yield client


async def complete(client: openai.AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "hello you"}]
    )
    return answer.choices[0].message.content


async def reply(client: anthropic.AsyncAnthropic) -> str:
    answer = await client.messages.create(
        model="m", max_tokens=50, messages=[{"role": "user", "content": "hello you"}]
    )
    return "".join(block.text for block in answer.content if block.type == "text")


async def stream_chat(client: openai.AsyncOpenAI) -> tuple[str, int | None]:
    stream = await client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "hello you"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    text, tokens = "", None
    async for chunk in stream:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    return text, tokens


async def test_openai_plain_and_streamed(chat: openai.AsyncOpenAI, fake_provider: FakeProvider) -> None:
    """
    Given OpenAI's client with the right key,
    when it completes plain and streamed,
    then it reads both answers, and the journal has two requests with the right key.
    """
    plain = await complete(chat)
    streamed = await stream_chat(chat)

    assert (plain, streamed) == ("hello you", ("hello you", 6))
    assert [request.key for request in fake_provider.requests()] == ["right", "right"]


async def test_openai_responses_plain_and_streamed(
    chat: openai.AsyncOpenAI, fake_provider: FakeProvider
) -> None:
    """
    Given OpenAI's client with the right key,
    when it asks for responses plain and streamed,
    then it reads both answers, and the journal has two requests with the right key.
    """
    plain = await chat.responses.create(model="m", input="hello you")
    async with chat.responses.stream(model="m", input="hello you") as stream:
        streamed = await stream.get_final_response()

    assert (plain.output_text, streamed.output_text) == ("hello you", "hello you")
    assert [one.usage and one.usage.total_tokens for one in (plain, streamed)] == [6, 6]
    assert [request.key for request in fake_provider.requests()] == ["right", "right"]


async def test_anthropic_plain_and_streamed(
    messages: anthropic.AsyncAnthropic, fake_provider: FakeProvider
) -> None:
    """
    Given Anthropic's client with the right key,
    when it asks plain and streamed,
    then it reads both answers, and the journal has two requests with the right key.
    """
    plain = await reply(messages)
    async with messages.messages.stream(
        model="m", max_tokens=50, messages=[{"role": "user", "content": "hello you"}]
    ) as stream:
        final = await stream.get_final_message()

    assert plain == "hello you"
    assert (final.content[0].type, final.stop_reason) == ("text", "end_turn")
    assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 3)
    assert [request.key for request in fake_provider.requests()] == ["right", "right"]


async def test_tool_calls_are_read_from_streams(
    messages: anthropic.AsyncAnthropic, chat: openai.AsyncOpenAI, fake_provider: FakeProvider
) -> None:
    """
    Given a scripted tool call,
    when both clients stream,
    then both put its arguments together.
    """
    fake_provider.script({"answer": {"tool_calls": [{"name": "find", "arguments": {"q": "x"}}]}})

    async with messages.messages.stream(
        model="m", max_tokens=50, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        message = await stream.get_final_message()
    async with chat.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": "hello"}]
    ) as chunks:
        completion = await chunks.get_final_completion()

    calls = completion.choices[0].message.tool_calls or []
    assert [block.input for block in message.content if block.type == "tool_use"] == [{"q": "x"}]
    assert [call.function.arguments for call in calls] == ['{"q": "x"}']


@pytest.mark.parametrize(
    ("status", "openai_error", "anthropic_error"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (401, openai.AuthenticationError, anthropic.AuthenticationError),
        (402, openai.APIStatusError, anthropic.APIStatusError),
        (403, openai.PermissionDeniedError, anthropic.PermissionDeniedError),
        (404, openai.NotFoundError, anthropic.NotFoundError),
        (409, openai.ConflictError, anthropic.ConflictError),
        (422, openai.UnprocessableEntityError, anthropic.UnprocessableEntityError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (500, openai.InternalServerError, anthropic.InternalServerError),
        (529, openai.InternalServerError, anthropic.InternalServerError),
    ],
)
async def test_statuses_become_the_clients_errors(
    chat: openai.AsyncOpenAI,
    messages: anthropic.AsyncAnthropic,
    fake_provider: FakeProvider,
    *,
    status: int,
    openai_error: type[openai.APIStatusError],
    anthropic_error: type[anthropic.APIStatusError],
) -> None:
    """
    Given a scripted status,
    when both clients ask,
    then each raises its own error for it.
    """
    fake_provider.script({"status": status})

    with pytest.raises(openai_error) as from_openai:
        await complete(chat)
    with pytest.raises(anthropic_error) as from_anthropic:
        await reply(messages)

    assert (from_openai.value.status_code, from_anthropic.value.status_code) == (status, status)
    assert (fake_provider.sent_count, fake_provider.requests()[0].usage) == (2, None)


@pytest.mark.parametrize(
    "fault", ["reset-before-headers", "reset-after-headers", "reset-in-body", "cut-body", "refuse"]
)
async def test_broken_connections_become_connection_errors(
    chat: openai.AsyncOpenAI, fake_provider: FakeProvider, fault: str
) -> None:
    """
    Given a fault of the connection,
    when the client completes,
    then it raises, and the journal has the request and an aborted answer.
    """
    fake_provider.script({"fault": fault, "seconds": 0.05})

    with pytest.raises((openai.APIConnectionError, httpx2.HTTPError)):
        await complete(chat)
    (answer,) = fake_provider.answers()

    assert fake_provider.sent_count == 1
    assert answer.outcome == "aborted"


async def test_a_hang_ends_by_the_clients_timeout(
    chat: openai.AsyncOpenAI, fake_provider: FakeProvider
) -> None:
    """
    Given a server that hangs,
    when the client's time is over,
    then it gives up, and the journal has the answer as aborted.
    """
    fake_provider.script({"fault": "hang"})

    asked = asyncio.ensure_future(complete(chat.with_options(timeout=60)))
    await asyncio.to_thread(fake_provider.wait_for_requests, 1)
    move_clock(61)
    with pytest.raises(openai.APITimeoutError):
        await asked
    (answer,) = await asyncio.to_thread(fake_provider.answers)  # the client closes in this loop

    assert answer.outcome == "aborted"


async def test_a_silent_end_of_a_stream_goes_unnoticed_by_the_client(
    chat: openai.AsyncOpenAI, fake_provider: FakeProvider
) -> None:
    """
    Given a stream that ends after two events,
    when the client reads it,
    then it takes that for the whole answer: who needs it whole must look for the end.
    """
    fake_provider.script({"fault": "silent-end", "at": 2})

    assert await stream_chat(chat) == ("hello", None)


async def test_a_dead_server_is_a_connection_error() -> None:
    """
    Given the address of a dead server,
    when the client asks,
    then it cannot connect.
    """
    with dead_server() as address:
        async with openai.AsyncOpenAI(
            api_key=KEY, base_url=address, max_retries=0, http_client=openai.DefaultAioHttpClient()
        ) as client:
            with pytest.raises(openai.APIConnectionError):
                await complete(client)
