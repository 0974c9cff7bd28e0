"""Who may ask the HTTP application what; `hNNN` are rows of the list of requests that must be refused.

h032 h033 h035 h036 h042 are of routes that start runs, and stand with these.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from promptlab.core.serving import ServerSettings
from promptlab.live.serving.tokens import session_cookie
from promptlab.main import create_app
from tests.cli_kit import ECHO, write_project
from tests.serving_kit import ADDRESS, BEARER, PORT, TOKEN, server_settings, signed_in, stranger

OWN = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}
JSON_TYPE = {"Content-Type": "application/json"}
EVIL = "https://evil.example"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    root = tmp_path_factory.mktemp("served")
    write_project(root, echo=ECHO)
    return create_app(server_settings(root, rate=1e6))


@pytest.fixture(scope="module")
def member(shared_app: FastAPI) -> Iterator[TestClient]:
    """Who has the token."""
    with signed_in(shared_app) as client:
        yield client


@pytest.fixture
def outsider(shared_app: FastAPI, member: TestClient) -> TestClient:
    """Who has none; the application lives as long as `member`."""
    del member
    return stranger(shared_app)


@pytest.fixture
def cookie() -> Mapping[str, str]:
    name, value = session_cookie(ServerSettings(port=PORT, token=SecretStr(TOKEN)))
    return {"Cookie": f"other=1; {name}={value}"}


@pytest.mark.parametrize(
    "host",
    [
        "",
        f"user@127.0.0.1:{PORT}",
        f"127.0.0.1.:{PORT}",
        f"localhost.:{PORT}",
        f"127.0.0.1.nip.io:{PORT}",
        f"evil.example:{PORT}",
        "127.0.0.1",
        f"127.0.0.1:{PORT + 1}",
        f"127.0.0.1:{PORT}, evil.example",
        f"0.0.0.0:{PORT}",
    ],
)
def test_another_host_is_refused(member: TestClient, host: str) -> None:
    """
    h002
    Given a Host that is empty, has user information or a trailing dot, or only looks like ours,
    when any route is asked, even the open ones,
    then it is refused.
    """
    paths = ("/", "/api/health", "/static/promptlab.css", "/api/session", "/nothing")

    statuses = {member.get(path, headers={"Host": host}).status_code for path in paths}

    assert statuses <= {400, 421}


@pytest.mark.parametrize("host", [f"LOCALHOST:{PORT}", f"127.0.0.1:{PORT}", f"[::1]:{PORT}"])
def test_each_own_host_is_served(member: TestClient, host: str) -> None:
    """
    h003
    Given a Host that names this machine and our port, in whatever letters,
    when health is asked for,
    then it is told.
    """
    assert member.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": f"http://localhost:{PORT}"},
        {"Origin": f"{ADDRESS}.evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "new-kind"},
        {"Origin": ADDRESS, "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "HEAD", *UNSAFE])
def test_pages_of_other_sites_may_not_ask(
    member: TestClient, method: str, headers: Mapping[str, str]
) -> None:
    """
    h005 h008 h009
    Given a page of another site, of another port, or in a sandbox,
    when it sends any method to any route, with a token even,
    then it is refused.
    """
    paths = ("/", "/api/health", "/api/session", "/static/promptlab.css", "/nothing")

    answers = [member.request(method, path, headers={**JSON_TYPE, **headers}) for path in paths]

    assert {answer.status_code for answer in answers} == {403}
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
        None,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_must_say_that_it_is_json(member: TestClient, method: str, kind: str | None) -> None:
    """
    h006
    Given a JSON text that is sent as something else, as a form of another page could,
    when it is sent with any unsafe method,
    then it is refused as a type that is not taken.
    """
    headers = {} if kind is None else {"Content-Type": kind}

    answer = member.request(method, "/api/session", headers=headers, content=b"{}")

    assert answer.status_code == 415


def test_the_token_is_asked_for_everywhere_but_where_no_data_is(outsider: TestClient) -> None:
    """
    Given nobody's token,
    when routes are asked,
    then health, static files and the empty shell answer, and all others, those that are not there too, ask
    for it.
    """
    open_to_all = ("/", "/api/health", "/static/promptlab.css")
    closed = ("/api/session", "/api/openapi.json", "/api/runs", "/runs", "/nothing", "/index.html")

    statuses = {path: outsider.get(path).status_code for path in (*open_to_all, *closed)}

    assert statuses == dict.fromkeys(open_to_all, 200) | dict.fromkeys(closed, 401)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}\0",
        f"Bearer {TOKEN} ",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        "Bearer ",
    ],
)
def test_a_wrong_token_is_no_token(
    outsider: TestClient, cookie: Mapping[str, str], authorization: str
) -> None:
    """
    h011
    Given a token that is wrong, cut, or has something behind it,
    when a route is asked, with a good cookie even,
    then it is refused, and the answer says how to show one.
    """
    headers = [("Authorization", authorization), *cookie.items()]

    answer = outsider.get("/api/openapi.json", headers=headers)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="promptlab"')


@pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
def test_a_token_in_the_query_is_none(outsider: TestClient, name: str) -> None:
    """
    h011
    Given the right token in the query, where logs would keep it,
    when a route is asked,
    then it is refused, and not said again.
    """
    answer = outsider.get("/api/openapi.json", params={name: TOKEN})

    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_signing_in_changes_the_token_for_a_cookie(outsider: TestClient) -> None:
    """
    Given the page, which got the token,
    when it signs in,
    then scripts cannot read the cookie, other sites cannot send it, it does not hold the token, and with it
    routes answer.
    """
    said = outsider.post("/api/session", headers={**BEARER, **OWN, **JSON_TYPE})

    marks = said.headers["set-cookie"].lower()
    assert said.status_code == 204
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in marks.split(";")}
    assert TOKEN not in marks
    assert marks.startswith(f"promptlab-{PORT}=")
    assert outsider.get("/api/openapi.json").status_code == 200


def test_a_cookie_alone_changes_nothing(outsider: TestClient, cookie: Mapping[str, str]) -> None:
    """
    Given the cookie of who signed in,
    when something is changed with it,
    then it must come from our own page, as the browser says; reading needs no more than the cookie.
    """
    unsafe = {**cookie, **JSON_TYPE}

    forged = outsider.delete("/api/session", headers=unsafe)
    from_page = outsider.delete("/api/session", headers={**unsafe, "Origin": ADDRESS})
    told_by_browser = outsider.delete("/api/session", headers={**unsafe, "Sec-Fetch-Site": "same-origin"})
    reading = outsider.get("/api/openapi.json", headers=cookie)

    assert [forged.status_code, from_page.status_code, told_by_browser.status_code] == [403, 204, 204]
    assert reading.status_code == 200


def test_the_cookie_of_another_server_is_none(outsider: TestClient) -> None:
    """
    Given cookies of servers on other ports, or with other tokens,
    when a route is asked with them,
    then it is refused.
    """
    other_port, value = session_cookie(ServerSettings(port=PORT + 1, token=SecretStr(TOKEN)))
    name, other_value = session_cookie(ServerSettings(port=PORT, token=SecretStr("another-token")))

    answers = [
        outsider.get("/api/openapi.json", headers={"Cookie": f"{key}={said}"})
        for key, said in ((other_port, value), (name, other_value), (name, ""), (name, TOKEN))
    ]

    assert {answer.status_code for answer in answers} == {401}


def test_a_preflight_of_a_stranger_is_allowed_nothing(member: TestClient) -> None:
    """
    h012
    Given no configured origins,
    when a page of another site asks in advance,
    then no origin is allowed anything.
    """
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}

    answer = member.options("/api/session", headers=asked)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_configured_origin_may_ask_and_no_other(tmp_path: Path) -> None:
    """
    Given an origin in the settings,
    when pages of it and of others ask, in advance and then,
    then it alone is allowed to read, without cookies.
    """
    friend = "https://friend.example"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    write_project(tmp_path, echo=ECHO)

    with signed_in(create_app(server_settings(tmp_path, origins=(friend,)))) as client:
        preflight = client.options("/api/openapi.json", headers={"Origin": friend, **asked})
        read = client.get("/api/openapi.json", headers={"Origin": friend, "Sec-Fetch-Site": "cross-site"})
        stranger = client.get("/api/openapi.json", headers={"Origin": EVIL})

    assert [preflight.status_code, read.status_code, stranger.status_code] == [200, 200, 403]
    assert read.headers["access-control-allow-origin"] == friend
    assert "access-control-allow-credentials" not in read.headers
    assert "access-control-allow-origin" not in stranger.headers


def test_there_are_no_web_sockets(member: TestClient) -> None:
    """
    h014
    Given a page that opens a web socket, which no preflight guards,
    when it shakes hands, with the token even,
    then it is turned away.
    """
    with pytest.raises(WebSocketDisconnect), member.websocket_connect("/api/health"):
        pass


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "%252e%252e%252fetc/passwd",
        "..%5c..%5cetc%5cpasswd",
        "....//....//etc/passwd",
        "..%00/etc/passwd",
        "promptlab.css%00.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "//server/share/etc/passwd",
        "%5c%5cserver%5cshare",
        "..%c0%af..%c0%afetc/passwd",
        "~root/.ssh/id_rsa",
        "%f0%9f%92%a9" * 3_000,
    ],
)
@pytest.mark.parametrize("below", ["/static/", "/files/", "/api/"])
def test_no_path_leads_out_of_the_served_files(member: TestClient, below: str, path: str) -> None:
    """
    h015
    Given paths that lead up, are absolute, or hide either,
    when they are asked for below a folder that is served, and below others,
    then nothing is there.
    """
    assert member.get(below + path).status_code == 404


def test_a_large_body_is_refused_by_its_announcement(member: TestClient) -> None:
    """
    h017
    Given a body that says it has 100 MB, or that its length is no number,
    when it is announced,
    then it is refused, and nothing of it is waited for.
    """
    lengths = (str(100 * 2**20), "9" * 5_000, "-1", "+5", "0x10")

    answers = [
        member.post("/api/session", headers={**JSON_TYPE, "Content-Length": length}, content=b"{}")
        for length in lengths
    ]

    assert {answer.status_code for answer in answers} == {413}


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b"[" * 100_000, 400),
        (b"{", 400),
        (b"'a'", 400),
        (b'{"a": 1} {"a": 1}', 400),
        (b'{"a": "\xff"}', 400),
        ("\ufeff{}".encode(), 400),
        ("{}".encode("utf-16"), 400),
        (b'{"a": 1, "a": 2}', 422),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', 422),
        (str(2**64).encode(), 422),
        (b'{"a": 1' + b"0" * 5_000 + b"}", 422),
        (b'{"a": 1e999}', 422),
        (b'{"a": "\\ud800"}', 422),
        (b'{"a": "\\udfff\\ud800"}', 422),
        (b'{"\\u0000": "a"}', 422),
        (b'{"a": "\\u0000"}', 422),
    ],
    ids=lambda said: str(said[:20]) if isinstance(said, bytes) else str(said),
)
def test_json_is_read_strictly(member: TestClient, method: str, body: bytes, status: int) -> None:
    """
    h020 h021 h023 h024
    Given a body that is no JSON, nested too deeply, or says what cannot be meant: a key twice, a number
    beyond 64 bits, half a character, NUL,
    when it is sent,
    then it is refused with a problem, never with a 500.
    """
    answer = member.request(method, "/api/session", headers=JSON_TYPE, content=body)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; " + 'a="' * 20_000,
        "application/json" + ";" * 20_000,
        "application/json; a=" + "\\" * 20_000,
        "multipart/form-data; boundary=" + "a;" * 20_000,
        "application/json " + " " * 20_000 + "x",
    ],
    ids=lambda kind: kind[:24],
)
def test_a_pathological_content_type_is_refused_at_once(member: TestClient, kind: str) -> None:
    """
    h029
    Given a Content-Type made to keep a parser busy,
    when it is sent,
    then it is refused for its length, without being parsed.
    """
    assert member.post("/api/session", headers={"Content-Type": kind}, content=b"{}").status_code == 415


def test_two_lengths_are_refused(member: TestClient) -> None:
    """
    h030
    Given a body with a length that is also said to come in chunks,
    when it is sent,
    then it is refused.
    """
    headers = {**JSON_TYPE, "Transfer-Encoding": "chunked", "Content-Length": "2"}

    assert member.post("/api/session", headers=headers, content=b"{}").status_code == 400


def test_an_address_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    """
    Given a server that takes 1 request a second, and a burst,
    when somebody asks without end, with wrong tokens,
    then the answers are soon that it is too often, and when to come back; what is static is not counted.
    """
    write_project(tmp_path, echo=ECHO)

    with stranger(create_app(server_settings(tmp_path, rate=1))) as client:
        answers = [client.get("/api/session") for _ in range(50)]
        style = client.get("/static/promptlab.css")

    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 401
    assert len(refused) > 0
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert style.status_code == 200


@pytest.mark.parametrize("signed", [True, False])
def test_a_page_that_is_not_there_shows_no_markup_of_its_address(
    member: TestClient, outsider: TestClient, *, signed: bool
) -> None:
    """
    h038
    Given an address with markup in its path, and a type that is to come back,
    when a browser and a program ask for it,
    then nothing of it is in the answer as markup.
    """
    client = member if signed else outsider
    path = "/<script>alert(1)</script>?next=<script>alert(2)</script>"

    answers = [client.get(path, headers={"Accept": kind}) for kind in ("text/html", "*/*", "text/x<script>")]

    assert {answer.status_code for answer in answers} == {404 if signed else 401}
    assert not any(re.search("<script>|alert", answer.text) for answer in answers)


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "%2f%2fevil"]
)
@pytest.mark.parametrize("path", ["/", "/runs", "/api/session", "//evil.example", "/static", "/nothing/"])
def test_nothing_redirects_to_where_the_query_says(member: TestClient, path: str, target: str) -> None:
    """
    h039
    Given an address that says where to go next,
    when it is asked for,
    then nobody is sent out of the server.
    """
    answer = member.get(path, params={"next": target, "url": target}, headers=PAGE, follow_redirects=False)

    assert "evil" not in answer.headers.get("location", "")


def every_path(app: FastAPI) -> list[str]:
    """Give each path of the API and of the page, with something in the place of its names."""
    found = (getattr(route, "path", "") for route in app.routes)
    return sorted({re.sub(r"\{[^}]*\}", "1", path) for path in found if path})


def test_reading_writes_nothing(member: TestClient, shared_app: FastAPI) -> None:
    """
    h041
    Given each route,
    when it is read,
    then the log is the same, byte for byte, and nothing was asked of a model.
    """
    root = shared_app.state.opened.project.root
    before = contents(root)

    for path in every_path(shared_app):
        for method in ("GET", "HEAD", "OPTIONS"):
            member.request(method, path)

    assert contents(root) == before


def contents(root: Path) -> dict[str, bytes]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if path.suffix != ".db-shm"}


@pytest.mark.parametrize("path", ["/", "/api/health", "/static/promptlab.css", "/nothing", "/api/session"])
@pytest.mark.parametrize("signed", [True, False])
def test_every_answer_is_inert(member: TestClient, outsider: TestClient, path: str, *, signed: bool) -> None:
    """
    Given any route, and any who asks,
    when it answers,
    then it may be in no frame, be guessed to be no other type, be kept by none, and run no script but ours.
    """
    client = member if signed else outsider

    heads = [client.get(path, headers=headers).headers for headers in (PAGE, {}, {"Origin": EVIL})]

    for head in heads:
        policy = head["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert re.search(r"script-src 'nonce-[\w-]{20,}';", policy)
        assert head["x-content-type-options"] == "nosniff"
        assert head["x-frame-options"] == "DENY"
        assert head["referrer-policy"] == "no-referrer"
        assert head["cross-origin-opener-policy"] == head["cross-origin-resource-policy"] == "same-origin"
        assert head["cache-control"] in ("no-store", "no-cache")
        assert "server" not in head


def test_each_page_has_a_nonce_of_its_own(member: TestClient) -> None:
    """
    Given the shell,
    when it is asked for twice,
    then its scripts have the nonce of its policy, and another one each time.
    """
    pages = [member.get("/") for _ in range(2)]

    nonces = [set(re.findall(r'nonce="([^"]+)"', page.text)) for page in pages]
    assert all(len(found) == 1 for found in nonces)
    assert nonces[0] != nonces[1]
    for page, found in zip(pages, nonces, strict=True):
        assert f"'nonce-{found.pop()}'" in page.headers["content-security-policy"]


def test_a_bug_says_nothing_of_itself(tmp_path: Path) -> None:
    """
    Given a route with a bug,
    when it is asked,
    then the answer is a problem with all headers, and has nothing of the bug's message.
    """
    write_project(tmp_path, echo=ECHO)
    app = create_app(server_settings(tmp_path))
    app.add_api_route("/api/broken", broken)

    with TestClient(app, base_url=ADDRESS, headers=BEARER, raise_server_exceptions=False) as client:
        answer = client.get("/api/broken")

    assert (answer.status_code, answer.json()["detail"]) == (500, "this is a bug in promptlab")
    assert "sk-secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def broken() -> None:
    raise RuntimeError("sk-secret")


def test_the_openapi_document_is_for_who_signed_in(member: TestClient, outsider: TestClient) -> None:
    """
    Given the description of the API,
    when it is asked for with and without the token,
    then who has it gets it; there is no page of docs that would load scripts from elsewhere.
    """
    document = json.loads(member.get("/api/openapi.json").text)

    assert "/api/health" in document["paths"]
    assert outsider.get("/api/openapi.json").status_code == 401
    assert {member.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}
