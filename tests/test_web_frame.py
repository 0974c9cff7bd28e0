"""The frame of pages in a real browser: signing in, schemes, keys, and that everybody can use it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from promptlab.live.serving.problem import Problem
from promptlab.web.pages import page
from tests.cli_kit import ECHO, write_project
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.serving_kit import TOKEN, Served, served
from tests.web_kit import Reply, service

pytestmark = needs_browser


FRAMED = """
<h1>Another site</h1><iframe src="{address}/framed"></iframe><img src="{address}/framed">
"""
ATTACK = """async (address) => {
    const ask = (path, init) => fetch(address + path, {credentials: "include", ...init})
        .then((answer) => answer.type, () => "refused");
    return [
        await ask("/api/openapi.json", {}),
        await ask("/api/session", {method: "DELETE"}),
        await ask("/api/session", {method: "POST", mode: "no-cors", body: "{}"}),
    ];
}"""


async def framed(request: Request) -> HTMLResponse:
    """A page with next to nothing in its frame."""
    return page(request, "error.html.j2", problem=Problem(404, "nothing is here", hint="look elsewhere"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("framed")
    write_project(root, echo=ECHO)
    with served(root, pages={"/framed": framed}) as server:
        yield server


def sign_in(window: Window, server: Served, path: str = "/framed") -> None:
    window.page.goto(f"{server.address}{path}#token={TOKEN}")
    window.page.wait_for_selector("nav")
    window.page.wait_for_load_state("load")


def test_the_printed_address_signs_in_and_forgets_the_token(browser: Browser, server: Served) -> None:
    """
    Given the address that was printed, of a page even,
    when a browser opens it,
    then it is signed in there, the token is gone from the address, and scripts cannot read the cookie.
    """

    def act(window: Window) -> tuple[str, str, list[dict[str, object]]]:
        sign_in(window, server)
        cookies = [dict(cookie) for cookie in window.page.context.cookies()]
        return window.page.url, window.page.evaluate("document.cookie"), cookies

    url, readable, cookies = browser.look(act)

    assert url == f"{server.address}/framed"
    assert readable == ""
    assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(True, "Strict")]
    assert TOKEN not in str(cookies)


def test_a_token_can_be_typed_and_a_wrong_one_is_told(browser: Browser, server: Served) -> None:
    """
    Given an address without the token,
    when a wrong one and then the right one is typed,
    then the page says that it is wrong, and then goes on to the runs.
    """

    def act(window: Window) -> tuple[str, str]:
        window.page.goto(server.address)
        window.page.fill("#token", "wrong")
        window.page.press("#token", "Enter")
        window.page.locator("#sign-in-note", has_text="wrong").wait_for()
        said = window.page.inner_text("#sign-in-note")
        window.page.fill("#token", TOKEN)
        window.page.press("#token", "Enter")
        window.page.wait_for_url(f"{server.address}/runs")
        return said, window.page.url

    said, url = browser.look(act)

    assert said == "That did not work: the token is wrong."
    assert urlsplit(url).path == "/runs"


def test_signing_out_forgets_the_cookie(browser: Browser, server: Served) -> None:
    """
    Given who is signed in,
    when they sign out,
    then the empty page is there again.
    """

    def act(window: Window) -> int:
        sign_in(window, server)
        window.page.click("[data-sign-out]")
        window.page.wait_for_selector("#sign-in")
        return len(window.page.context.cookies())

    assert browser.look(act) == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
@pytest.mark.parametrize("path", ["/", "/framed"])
def test_everybody_can_use_the_frame(
    browser: Browser, server: Served, path: str, scheme: Scheme, width: int
) -> None:
    """
    Given the sign-in page and an empty page, narrow and light, wide and dark, with the help open,
    when axe looks at it,
    then it finds nothing, nothing is cut off at the side, and the browser refused and missed nothing.
    """

    def act(window: Window) -> tuple[list[str], int, list[str]]:
        if path == "/":
            window.page.goto(server.address)
        else:
            sign_in(window, server)
            window.complaints.clear()
            window.page.reload()
        faults = window.faults()
        if path != "/":
            window.page.keyboard.press("?")
            window.page.wait_for_selector("#help[open]")
            faults += window.faults()
        beyond = window.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        window.picture(f"frame-{path.strip('/') or 'shell'}-{scheme}-{width}")
        return faults, beyond, window.complaints

    faults, beyond, complaints = browser.look(act, scheme=scheme, width=width)

    assert (faults, complaints) == ([], [])
    assert beyond <= 0


def test_the_chosen_scheme_is_kept(browser: Browser, server: Served) -> None:
    """
    Given a browser that likes it light,
    when the switch is pressed and the page comes again,
    then it is dark from the start.
    """

    def act(window: Window) -> tuple[str, str]:
        sign_in(window, server)
        before = background(window)
        window.page.click("[data-switch-scheme]")
        window.page.reload()
        return before, background(window)

    assert browser.look(act) == ("rgb(255, 255, 255)", "rgb(13, 17, 23)")


def background(window: Window) -> str:
    return str(window.page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_keys_are_helped_with_and_can_be_turned_off(browser: Browser, server: Served) -> None:
    """
    Given a page,
    when ? is pressed, single keys are turned off, and ? is pressed again,
    then the help opens the first time alone.
    """

    def act(window: Window) -> tuple[bool, bool]:
        sign_in(window, server)
        window.page.keyboard.press("?")
        first = window.page.is_visible("#help")
        window.page.uncheck("#keys-enabled")
        window.page.keyboard.press("Escape")
        window.page.keyboard.press("?")
        return first, window.page.is_visible("#help")

    assert browser.look(act) == (True, False)


def test_the_first_key_skips_to_the_content(browser: Browser, server: Served) -> None:
    """
    Given a page,
    when Tab and Enter are pressed,
    then the content has the focus.
    """

    def act(window: Window) -> object:
        sign_in(window, server)
        window.page.keyboard.press("Tab")
        window.page.keyboard.press("Enter")
        return window.page.evaluate("document.activeElement.id")

    assert browser.look(act) == "main"


def test_a_page_elsewhere_cannot_use_the_browser_against_us(browser: Browser, server: Served) -> None:
    """
    Given who is signed in, and opens a page of another port of the same machine, which is sent our cookie,
    when it sends requests, and puts our page into a frame,
    then it reads nothing, changes nothing, shows nothing, and who is signed in still is.
    """

    def act(window: Window) -> tuple[list[str], list[str], str]:
        sign_in(window, server)
        window.page.goto(evil.url)
        kinds = window.page.evaluate(ATTACK, server.address)
        frames = [frame.url for frame in window.page.frames[1:]]
        window.page.goto(f"{server.address}/framed")
        return kinds, frames, window.page.inner_text("h1")

    page_of_evil = FRAMED.format(address=server.address).encode()
    with service(Reply(200, page_of_evil, {"Content-Type": "text/html"})) as evil:
        kinds, frames, heading = browser.look(act)

    assert kinds == ["refused"] * 3
    assert frames == ["chrome-error://chromewebdata/"]
    assert heading == "Not Found"
