"""Steps that ask a service over HTTP: what leaves, what comes back, and where nothing goes."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from promptlab.engine.provider import InvalidRequest, ProviderError
from promptlab.engine.providers.web_client import WebClient
from promptlab.engine.providers.web_resolver import ForbiddenAddress, GuardedResolver
from promptlab.engine.web import WebRequest, final_url, fixed_origin
from promptlab.schemas.events import TrialFinished
from promptlab.schemas.run import StepResult
from tests.lab import Lab, ended, interrupt
from tests.loading_kit import load
from tests.web_kit import Reply, Service, says, service

RETRY = {"initial": 0, "max_attempts": 3}
GONE_RETRY = {"initial": 0, "max_attempts": 2}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path, "http://127.0.0.1:9/v1")
    lab.write_rows(1)
    return lab


@pytest.fixture
def web() -> Iterator[Service]:
    with service() as running:
        yield running


def ask(lab: Lab, http: dict[str, Any], **keys: Any) -> StepResult:
    """Run a pipeline of one http step over the first row; give the step's result."""
    write(lab, http, **keys)
    lab.run()
    return lab.trials[0].steps[0]


def write(lab: Lab, http: dict[str, Any], **keys: Any) -> None:
    lab.write_pipeline(steps=[{"id": "fetch", "http": http, **keys}])


# --- what leaves


def test_what_is_sent_is_what_the_templates_say(lab: Lab, web: Service) -> None:
    """
    Given templates in the URL, the query, the headers and the JSON of a step,
    when it runs,
    then the service is asked once with their values: numbers stay numbers, null is left out, lists repeat.
    """
    http = {
        "url": f"{web.url}/tickets/{{{{ word | urlencode }}}}?v=2",
        "query": {"w": "a&b {{ word }}", "n": 3, "many": [1, "x"], "on": True, "none": None},
        "headers": {"X-Word": "{{ word }}"},
        "json": {"word": "{{ word }}", "whole": "{{ word | length }}"},
    }

    step = ask(lab, http)

    (asked,) = web.journal
    assert (step.status, step.output) == ("passed", "ok")
    assert (asked.method, asked.path) == ("POST", "/tickets/word-0000.")
    assert dict(asked.query) == {"v": "2", "w": "a&b word-0000.", "n": "3", "many": "x", "on": "true"}
    assert [text for name, text in asked.query if name == "many"] == ["1", "x"]
    assert asked.json == {"word": "word-0000.", "whole": 10}
    assert (asked.headers["x-word"], asked.headers["content-type"]) == ("word-0000.", "application/json")


@pytest.mark.parametrize(
    ("http", "method", "kind", "body"),
    [
        ({}, "GET", None, b""),
        ({"method": "DELETE"}, "DELETE", None, b""),
        ({"body": "say {{ word }}"}, "POST", "text/plain; charset=utf-8", b"say word-0000."),
        ({"method": "PUT", "json": None}, "PUT", "application/json", b"null"),
        ({"body": "<a/>", "headers": {"content-type": "text/xml"}}, "POST", "text/xml", b"<a/>"),
    ],
)
def test_the_method_and_the_type_follow_from_the_body(
    lab: Lab, web: Service, http: dict[str, Any], method: str, kind: str | None, body: bytes
) -> None:
    """
    Given a step with a body or none,
    when it runs,
    then the method is POST with one and GET without, unless said; JSON and text are told as such.
    """
    ask(lab, {"url": web.url, **http})

    (asked,) = web.journal
    assert (asked.method, asked.headers.get("content-type"), asked.body) == (method, kind, body)


def test_no_cookie_is_kept(lab: Lab) -> None:
    """
    Given a service that sets a cookie,
    when it is asked again,
    then the cookie is not sent: trials know nothing of each other.
    """
    lab.write_rows(3)
    with service(says("ok", Set_Cookie="a=b; Path=/")) as web:
        ask(lab, {"url": f"{web.url}/{{{{ word }}}}"})

        assert len(web.journal) == 3
        assert not any("cookie" in asked.headers for asked in web.journal)


# --- what comes back


@pytest.mark.parametrize(
    ("answer", "output", "made"),
    [
        ('{"a": [1, null]}', None, '{"a": [1, null]}'),
        ('{"a": [1, null]}', "json", {"a": [1, None]}),
        ('{"a": 1}', {"schema": {"type": "object", "required": ["a"]}}, {"a": 1}),
        (" open\n", {"enum": ["open", "closed"]}, "open"),
        ("state=open;", {"regex": r"state=(\w+)"}, "open"),
        ("", None, ""),
        ("grüße", None, "grüße"),
    ],
)
def test_the_body_is_read_as_the_output_says(lab: Lab, answer: str, output: Any, made: Any) -> None:
    """
    Given a service and an output of each kind,
    when the step runs,
    then its output is the body as text, or what the output makes of it.
    """
    with service(says(answer)) as web:
        step = ask(lab, {"url": web.url}, **({"output": output} if output else {}))

    assert (step.status, step.output, step.messages) == ("passed", made, ())


@pytest.mark.parametrize(
    ("reply", "made"),
    [
        (Reply(200, "é".encode("latin-1"), {"Content-Type": "text/plain; charset=latin-1"}), "é"),
        (Reply(200, b"\xef\xbb\xbf{}", {"Content-Type": "application/json"}), "{}"),
        (Reply(200, b"plain", {"Content-Type": "text/plain; charset=rot13"}), "plain"),
        (Reply(204), ""),
    ],
)
def test_text_is_read_in_its_own_encoding(lab: Lab, reply: Reply, made: str) -> None:
    """
    Given answers in another encoding, with a byte order mark, of an unknown encoding, and without a body,
    when they are read,
    then each is the text that it stands for.
    """
    with service(reply) as web:
        assert ask(lab, {"url": web.url}).output == made


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (says({"error": "no ticket 7"}, 404), "invalid_request", 'status 404: {"error": "no ticket 7"}'),
        (says("who are you?", 401), "invalid_request", "status 401: who are you?"),
        (Reply(400), "invalid_request", "status 400: no reason given"),
        (
            Reply(301, b"", {"Location": "http://other.example/x"}),
            "invalid_request",
            "to other.example",
        ),
        (Reply(200, b"\xff\xfe\xff", {"Content-Type": "image/png"}), "invalid_request", "no text in utf-8"),
        (Reply(200, b"x" * 10_000_001), "invalid_request", "larger than 10,000,000 bytes"),
    ],
)
def test_what_would_fail_again_is_asked_once(lab: Lab, reply: Reply, kind: str, said: str) -> None:
    """
    Given a service that refuses the request, sends elsewhere, or answers with no text or too much,
    when a step asks it,
    then it errors, saying whom it asked and what came, after one attempt, and nothing is kept as an answer.
    """
    with service(reply) as web:
        step = ask(lab, {"url": f"{web.url}/x?token=abc"}, retry=RETRY)

        assert len(web.journal) == 1
    assert (step.status, step.error_kind) == ("errored", kind)
    assert f"GET {web.url}/x: " in str(step.error)
    assert said in str(step.error)
    assert "abc" not in str(step.error)
    assert (lab.states(), lab.bought()) == ({"failed": 1}, set())


def test_no_redirect_is_followed(lab: Lab, web: Service) -> None:
    """
    Given a service that sends to another one,
    when a step asks it with a header,
    then the other one hears nothing.
    """
    with service(Reply(307, b"", {"Location": f"{web.url}/there"})) as first:
        ask(lab, {"url": first.url, "headers": {"X-Api-Key": "{{ word }}"}})

    assert (len(first.journal), web.journal) == (1, [])


# --- attempts


@pytest.mark.parametrize(
    ("faulty", "state"),
    [
        (says("busy", 503), "failed"),
        (says("slow down", 429, Retry_After="0.01"), "failed"),
        (says("late", 408), "failed"),
        (Reply(cut=0), "unknown"),
        (Reply(200, b"half of it", cut=4), "unknown"),
    ],
)
def test_what_may_pass_is_tried_again_and_each_attempt_has_its_row(
    lab: Lab, faulty: Reply, state: str
) -> None:
    """
    Given a service that fails twice, on the wire or by its status, before it answers,
    when a step asks it,
    then it has the answer, and the log has an attempt for each request that the service counted.
    """
    with service(faulty, faulty, says("ok")) as web:
        step = ask(lab, {"url": web.url}, retry=RETRY)

        assert (step.status, step.output, step.attempts, len(web.journal)) == ("passed", "ok", 3, 3)
    assert lab.states() == {state: 2, "received": 1}
    assert lab.query("select number, provider, model from attempts") == [
        (number, "http", web.url.removeprefix("http://")) for number in (1, 2, 3)
    ]
    assert (step.cost_usd, step.spent_usd) == (0.0, 0.0)


def test_attempts_end_with_the_retry_and_the_step_says_why(lab: Lab) -> None:
    """
    Given a service that never answers well, and one that is not there,
    when steps ask them,
    then they error after their attempts, with the service's own words and with what to look at.
    """
    with service(says("out of order", 500)) as web:
        broken = ask(lab, {"url": web.url}, retry=GONE_RETRY)
    gone = ask(lab, {"url": web.url}, retry=GONE_RETRY)

    assert (broken.status, broken.error_kind, broken.attempts) == ("errored", "server", 2)
    assert "status 500: out of order" in str(broken.error)
    assert (gone.error_kind, gone.attempts) == ("connection", 2)
    assert "is the service running?" in str(gone.error)
    assert lab.states() == {"failed": 4}


def test_a_wish_to_wait_is_obeyed_up_to_the_cap(lab: Lab) -> None:
    """
    Given a service that asks to come back in an hour,
    when a step asks it,
    then it errors at once, saying so.
    """
    with service(says("later", 429, Retry_After="3600")) as web:
        step = ask(lab, {"url": web.url}, retry=RETRY)

        assert len(web.journal) == 1
    assert (step.status, step.error_kind) == ("errored", "rate_limit")
    assert str(step.error).endswith("it asks to come back in 1 h 00 min")


def test_what_may_have_been_done_is_not_repeated_where_that_is_said(lab: Lab) -> None:
    """
    Given a service that breaks off after it was asked,
    when a run does not repeat what has an unknown outcome,
    then it is asked once, and the next such run does not ask it either.
    """
    with service(Reply(cut=0)) as web:
        write(lab, {"url": web.url, "json": 1}, retry=RETRY)
        lab.run(on_unknown="fail")
        lab.run(on_unknown="fail")

        assert len(web.journal) == 1
    assert lab.states() == {"unknown": 1}
    assert "left before and was never answered" in str(lab.trials[0].steps[0].error)


@pytest.mark.parametrize(
    ("on_error", "status", "outputs"),
    [("fail", "errored", None), ("skip", "skipped", None), ({"default": {"a": 1}}, "passed", {"a": 1})],
)
def test_the_step_says_what_an_error_means(lab: Lab, on_error: Any, status: str, outputs: Any) -> None:
    """
    Given a service that knows nothing,
    when a step with each kind of `on_error` asks it,
    then the step is errored, skipped or has its default.
    """
    with service(says("no", 404)) as web:
        step = ask(lab, {"url": web.url}, on_error=on_error, output="json")

    assert (step.status, step.made) == (status, outputs)


def test_a_step_gives_up_in_time_and_the_late_answer_is_kept(lab: Lab) -> None:
    """
    Given a service that takes longer than the step may,
    when the step runs,
    then it errors by its own timeout, and what was asked for is recorded all the same.
    """

    given_up = Event()

    def hear(event: object) -> None:
        if isinstance(event, TrialFinished):
            given_up.set()

    with service(replace(says("late"), after=given_up)) as web:
        write(lab, {"url": web.url}, timeout=1)
        lab.run(heard=hear)

    step = lab.trials[0].steps[0]
    assert (step.status, step.error_kind, step.error) == ("errored", "timeout", "took longer than its 1 s")
    assert (lab.states(), lab.bought()) == ({"received": 1}, {"late"})


def test_an_interrupted_run_sends_nothing_more(lab: Lab) -> None:
    """
    Given a step that waits for its service, before another that asks it too,
    when the run is interrupted and the answer comes,
    then the answer is recorded, nothing more is sent, and the next run sends the rest alone.
    """
    go_on = Event()
    steps = [
        {"id": "first", "http": {"url": "{{ base }}/first"}, "recall": True},
        {"id": "second", "http": {"url": "{{ base }}/second"}, "needs": ["first"]},
    ]
    with service(Reply(200, b"ok", after=go_on)) as web:
        lab.write_pipeline(
            inputs={"word": "string", "base": {"type": "string", "default": web.url}}, steps=steps
        )
        process = lab.start("run", "words", "--json")
        while not web.journal:
            go_on.wait(0.01)
        interrupt(process)
        process.until_said("for the calls in flight")
        go_on.set()
        first = ended(process)
        lab.run()

        assert web.paths == ["/first", "/second"]
    assert (first.code, first.summary["status"]) == (130, "interrupted")
    assert lab.states() == {"received": 2}


# --- recall


def test_an_answer_is_recalled_across_runs_where_the_step_says_so(lab: Lab, web: Service) -> None:
    """
    Given a step with and one without `recall: true`,
    when their pipeline runs twice,
    then the one is asked once, the other by each run.
    """
    lab.write_pipeline(
        steps=[
            {"id": "once", "http": {"url": f"{web.url}/once"}, "recall": True},
            {"id": "anew", "http": {"url": f"{web.url}/anew"}},
        ]
    )

    first = lab.run()
    second = lab.run()

    assert sorted(web.paths) == ["/anew", "/anew", "/once"]
    assert (first.calls.sent, second.calls.sent, second.calls.recalled) == (2, 1, 1)
    assert [step.recalled for step in lab.trials[0].steps] == [True, False]


def test_rows_that_ask_the_same_ask_once(lab: Lab, web: Service) -> None:
    """
    Given rows of which some make the same request,
    when they run,
    then the service is asked once for each request, for within a run answers are recalled.
    """
    lab.write_rows(6)

    ask(lab, {"url": f"{web.url}/{{{{ 'even' if word[8] in '024' else 'odd' }}}}"})

    assert sorted(web.paths) == ["/even", "/odd"]
    assert {trial.outputs for trial in lab.trials} == {"ok"}


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({"query": {"a": 2}}, 1),
        ({"method": "DELETE"}, 1),
        ({"headers": {"X-A": "b"}}, 1),
        ({"headers": {"X-Api-Key": "{{ word }}!"}}, 0),
        ({"headers": {}}, 0),
    ],
)
def test_a_request_is_known_by_all_but_its_secrets(
    lab: Lab, web: Service, changed: dict[str, Any], more: int
) -> None:
    """
    Given a recorded answer,
    when something of the request changes,
    then it is asked anew, unless only a header changed that is named like a secret.
    """
    http = {"url": web.url, "query": {"a": 1}, "headers": {"X-Api-Key": "{{ word }}"}}
    ask(lab, http, recall=True)

    ask(lab, {**http, **changed}, recall=True)

    assert len(web.journal) == 1 + more


def test_the_log_of_a_request_holds_no_header_that_is_named_like_a_secret(lab: Lab, web: Service) -> None:
    """
    Given headers whose values come from a row,
    when the request is recorded,
    then those that are named like secrets are not.
    """
    ask(lab, {"url": web.url, "headers": {"Authorization": "Bearer {{ word }}", "X-Word": "{{ word }}"}})

    (recorded,) = lab.query("select request from completions")[0]
    assert web.journal[0].headers["authorization"] == "Bearer word-0000."
    assert '"x-word":"word-0000."' in recorded
    assert "authorization" not in recorded.lower()


# --- where nothing goes


@pytest.mark.parametrize(
    ("http", "said"),
    [
        ({"url": "{{ word ~ '/x' }}"}, "this is no address"),
        ({"url": "http://127.0.0.1:9{{ '.evil.example/' ~ word }}"}, "a value changed the host"),
        ({"url": "http://127.0.0.1:9{{ '@evil.example/' ~ word }}"}, "a value changed the host"),
        ({"url": "http://127.0.0.1:9/{{ '../admin/' ~ word }}"}, "is '.' or '..'; write out the path"),
        ({"url": "http://127.0.0.1:9/{{ '%2e%2e/' ~ word }}"}, "is '.' or '..'"),
        ({"url": "http://127.0.0.1:9/{{ 'a b' ~ word }}"}, "characters that none has"),
        ({"url": "http://127.0.0.1:9/{{ 'a#' ~ word }}"}, "has a '#' in it"),
        ({"url": "{{ 'http://169.254.169.254/' ~ word }}"}, "link-local or metadata"),
        ({"url": "{{ 'http://example.com/' ~ word }}"}, "plain http goes only to"),
        ({"url": "{{ 'http://2852039166/' ~ word }}"}, "unusual spelling"),
        ({"url": "{{ 'http://[::ffff:169.254.169.254]/' ~ word }}"}, "link-local or metadata"),
        ({"url": "{{ 'http://u:p@127.0.0.1/' ~ word }}"}, "name or password"),
        ({"url": "{{ 'file:///etc/passwd?' ~ word }}"}, "this is no address"),
        ({"url": "http://127.0.0.1:9", "headers": {"X-A": "a{{ '\\r\\nX-B: c' ~ word }}"}}, "line breaks"),
        (
            {"url": "http://127.0.0.1:9", "query": {"a": "{{ {'b': word} if word else 1 }}"}},
            "http.query.a: must be",
        ),
    ],
)
def test_values_choose_no_host_and_open_no_header(lab: Lab, http: dict[str, Any], said: str) -> None:
    """
    Given values that would lead a request to another host or path, or add a header to it,
    when the step runs,
    then it errors, and nothing is sent.
    """
    step = ask(lab, http)

    assert (step.status, step.error_kind) == ("errored", "invalid_request")
    assert said in str(step.error)
    assert lab.states() == {}


class Names(AbstractResolver):
    """Resolves each name to what it is told."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self.addresses
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("scheme", "address"),
    [
        ("http", "169.254.169.254"),
        ("https", "169.254.169.254"),
        ("https", "fe80::1%eth0"),
        ("https", "0.0.0.0"),
        ("http", "93.184.216.34"),
        ("https", "::ffff:169.254.169.254"),
    ],
)
async def test_a_name_that_stands_for_a_forbidden_address_is_not_asked(scheme: str, address: str) -> None:
    """
    Given a name that leads to link-local addresses, or with plain http to a public one,
    when it is asked,
    then nothing is sent, the step will not try again, and the message names the address.
    """
    request = WebRequest(method="GET", url=f"{scheme}://service/")
    async with WebClient(lambda: Names(address)) as client:
        with pytest.raises(ProviderError) as raised:
            await client.send(request, seconds=5)

    assert isinstance(raised.value, InvalidRequest)
    assert f"service stands for {address}" in raised.value.message


async def test_of_a_names_addresses_those_that_may_be_asked_are_left() -> None:
    """
    Given a name that leads to an address on the network and a link-local one,
    when it is looked up,
    then the former alone is given; where none is left, that is an error.
    """
    guarded = GuardedResolver(Names("fe80::1", "192.168.1.7"), "http")

    found = await guarded.resolve("printer.local")

    assert [one["host"] for one in found] == ["192.168.1.7"]
    with pytest.raises(ForbiddenAddress):
        await GuardedResolver(Names("fe80::1"), "http").resolve("printer.local")


async def test_a_name_of_this_machine_is_asked(web: Service) -> None:
    """
    Given a name that leads to loopback,
    when it is asked,
    then it answers.
    """
    async with WebClient(lambda: Names("127.0.0.1")) as client:
        address = web.url.replace("127.0.0.1", "service.internal")
        answer = await client.send(WebRequest(method="GET", url=address), seconds=5)

    assert answer.text == "ok"


def test_a_url_keeps_what_its_template_fixes() -> None:
    """
    Given templates of URLs,
    when what their literal text fixes is looked for,
    then it is scheme, host and port, or nothing where the address begins with a value.
    """
    assert fixed_origin("https://api.example.com/{{ id }}") == "https://api.example.com"
    assert fixed_origin("http://127.0.0.1:80{{ path }}") == "http://127.0.0.1:80"
    assert fixed_origin("{{ base }}/x") is None
    assert final_url("https://h.example/ä?a=1", [("b", "ü &")], origin=None) == (
        "https://h.example/%C3%A4?a=1&b=%C3%BC+%26"
    )


# --- what is found before a run

PIPELINE = """
version: 1
inputs: {{ticket: string}}
dataset: [{{ticket: hello}}]
steps:
  - id: a
    http: {}
"""


@pytest.mark.parametrize(
    ("http", "problem"),
    [
        ("x", "6:11: steps.http must be a map, but is text, 'x'"),
        ("{url: 3}", "6:17: steps.http.url: must be text, not int; quote it"),
        ("{url: x/y}", "6:17: steps.http.url: this is no address; begin with https://host/…"),
        ('{url: "ftp://h/x"}', "6:17: steps.http.url: this is no address; say https://host/path"),
        (
            '{url: "http://example.com/x"}',
            "6:17: steps.http.url: plain http goes only to loopback and private addresses, ",
        ),
        (
            '{url: "http://169.254.169.254/x"}',
            "6:17: steps.http.url: 169.254.169.254 is a link-local or metadata address",
        ),
        (
            '{url: "http://127.0.0.1:{{ ticket }}/"}',
            "6:17: steps.http.url: a value would choose a part of the host; ",
        ),
        (
            '{url: "https://a:b@h.example/"}',
            "6:17: steps.http.url: the address has a name or password in it, and a pipeline holds no secrets",
        ),
        ('{url: "https://h.example/{{ nope }}"}', "6:39: 'nope' is not defined"),
        ('{url: "https://h.example", query: {a: "{{ nope }}"}}', "6:53: 'nope' is not defined"),
        ('{url: "https://h.example", json: {a: ["{{ nope }}"]}}', "6:53: 'nope' is not defined"),
        ('{url: "https://h.example", headers: {a: "{{ nope }}"}}', "6:55: 'nope' is not defined"),
        ('{url: "https://h.example", body: "{{ a.output }}"}', "6:48: step 'a' names itself"),
        (
            '{url: "https://h.example", method: FETCH}',
            "6:46: steps.http.method must be 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE' or 'OPTIONS', ",
        ),
        ('{url: "https://h.example", method: GET, json: 1}', "6:57: steps.http: GET sends no body"),
        ('{url: "https://h.example", json: 1, body: x}', "6:53: steps.http: say `json` or `body`, not both"),
        (
            '{url: "https://h.example", query: {a: {b: 1}}}',
            "6:49: steps.http.query: a map cannot stand in a query; give text, a number or a list",
        ),
        ('{url: "https://h.example", query: {a: 1.10}}', "6:49: '1.10' would be read as the number 1.1"),
        (
            '{url: "https://h.example", headers: {Host: x}}',
            "6:54: steps.http.headers: the header Host is set by promptlab itself",
        ),
        (
            '{url: "https://h.example", headers: {X-Api-Key: abcdefgh}}',
            "6:59: steps.http.headers: a literal key in the header X-Api-Key is refused",
        ),
        (
            '{url: "https://h.example", headers: {"a b": x}}',
            "6:55: steps.http.headers: 'a b' is no name of a header",
        ),
        (
            '{url: "https://h.example", headers: {a: "x\\r\\nb: c"}}',
            "6:51: steps.http.headers: the header a has line breaks or other control characters",
        ),
        ('{url: "https://h.example", uri: x}', "6:38: unknown key 'uri'"),
        (
            '{url: "https://h.example"}\n    retry: {on: [server, invalid_output]}',
            "7:17: steps: only a model can be told that its output was invalid",
        ),
        (
            '{url: "https://h.example"}\n  - {id: b, messages: [{role: user, content: "{{ a.output.x }}"}]}',
            "7:50: a.output has no 'x'",
        ),
    ],
)
def test_what_an_http_step_may_not_say_is_told_at_its_place(http: str, problem: str) -> None:
    """
    Given an http step with one thing wrong,
    when its pipeline is loaded, without any model,
    then that alone is told, where it stands, and nothing is sent.
    """
    model = "echo/echo" if "messages" in http else None

    (found,) = load(PIPELINE.format(http), model=model).problems

    assert found.startswith(problem)


def test_a_pipeline_of_http_steps_needs_no_model() -> None:
    """
    Given a pipeline that asks a service alone,
    when it is loaded where no model is named,
    then nothing is wrong.
    """
    assert (
        load(PIPELINE.format('{url: "https://h.example/{{ ticket | urlencode }}"}'), model=None).problems
        == []
    )
