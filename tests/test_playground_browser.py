"""The playground in a real browser: edits are rendered as they are typed, run, saved, and not lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeProvider, fake_provider_process
from tests.hosting_kit import lab_of
from tests.lab import KEY, Lab, asked_for
from tests.page_kit import Browser, Scheme, Window, needs_browser
from tests.serving_kit import TOKEN, served

if TYPE_CHECKING:
    from playwright.sync_api import Dialog

pytestmark = needs_browser

OWNED = "document.title === 'owned' || document.querySelector('main script, main img') !== null"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
PROMPT = "{% system %}Repeat what you are told, in a friendly way.{% endsystem %}\nSay {{ word }}\n"


@dataclass(frozen=True, slots=True)
class Site:
    lab: Lab
    address: str
    provider: FakeProvider

    def open(self, window: Window, query: str = "?row=1") -> None:
        window.page.goto(f"{self.address}/pipelines/words/playground{query}#token={TOKEN}")
        window.page.wait_for_selector("#cost")
        window.page.wait_for_load_state("load")
        window.complaints.clear()  # of what was refused before it was signed in

    def write(self, window: Window, text: str, expected: str) -> None:
        """Edit the prompt, and wait for what it sends."""
        window.page.fill("#template", text)
        window.page.wait_for_selector(f"#rendered >> text={expected}")

    @property
    def prompt(self) -> Path:
        return self.lab.root / "prompts/say.j2"


@pytest.fixture(scope="module")
def site_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with fake_provider_process(tmp_path_factory.mktemp("provider")) as provider:
        lab = lab_of(tmp_path_factory.mktemp("played"), provider)
        lab.write("prompts/say.j2", PROMPT)
        lab.write_pipeline(variants={"base": {}, "hot": {"params": {"temperature": 1}}})
        lab.run(key=KEY, limit=3)
        with served(lab.root) as server:
            yield Site(lab, server.address, provider)


@pytest.fixture
def site(site_of_module: Site) -> Site:
    """A server over a pipeline that was run before; the prompt and the provider's journal are as at first."""
    site_of_module.prompt.write_text(PROMPT)
    site_of_module.provider.reset()
    return site_of_module


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_playground(browser: Browser, site: Site, scheme: Scheme, width: int) -> None:
    """
    Given a prompt that is edited, first with a slip, then run, then about to be saved,
    when axe looks at each of these, light and dark, wide and narrow,
    then it finds nothing, nothing is wider than the window, and the browser complains of nothing.
    """

    def act(window: Window) -> tuple[list[str], list[str], list[str]]:
        faults, wide = list[str](), list[str]()

        def hold(name: str) -> None:
            faults.extend(f"{name}: {fault}" for fault in window.faults())
            if window.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(name)
            window.picture(f"playground-{name}-{scheme}-{width}")

        site.open(window)
        hold("read")
        site.write(window, PROMPT.replace("word }}", "wrod }}"), "did you mean")
        hold("slip")
        site.write(window, PROMPT + f"Then wave. ({scheme} {width})", "Then wave.")
        window.page.press("#template", "Control+Enter")
        window.page.wait_for_selector("#answer .badge")
        window.page.wait_for_selector("#rendered >> text=costs nothing")
        hold("answer")
        window.page.press("#template", "Control+s")
        window.page.wait_for_selector("#saving[open]")
        hold("asking")
        window.page.click("#saving-yes")
        window.page.wait_for_selector("#saving-diff:not([hidden])")
        hold("saved")
        return faults, wide, window.complaints

    faults, wide, complaints = browser.look(act, scheme=scheme, width=width)

    assert (faults, wide, complaints) == ([], [], [])


def test_edits_are_kept_until_they_are_saved(browser: Browser, site: Site) -> None:
    """
    Given a prompt that is edited,
    when the page is read again, the next row is gone to, and leaving is begun,
    then the edit is there and rendered for that row, the browser asks, and the file is as it was;
    until it is saved.
    """

    def act(window: Window) -> tuple[list[str], list[str], str]:
        page, asked, seen = window.page, list[str](), list[str]()

        def accept(dialog: "Dialog") -> None:
            asked.append(dialog.type)
            dialog.accept()

        page.on("dialog", accept)
        site.open(window)
        site.write(window, "Kept {{ word }}", "Kept word-0001.")
        page.reload()
        page.wait_for_selector("#rendered >> text=Kept word-0001.")
        seen.append(page.input_value("#template"))
        page.click("text=next row")
        page.wait_for_selector("#rendered >> text=Kept word-0002.")
        seen.append(page.input_value("#template"))
        before = site.prompt.read_text()
        page.press("#template", "Control+s")
        page.click("#saving-yes")
        page.wait_for_selector("#saving-title >> text=Saved to")
        page.click("#saving-no")
        page.goto(f"{site.address}/runs")
        return asked, seen, before

    asked, seen, before = browser.look(act)

    assert asked == ["beforeunload"]  # at the reload alone
    assert seen == ["Kept {{ word }}"] * 2
    assert (before, site.prompt.read_text()) == (PROMPT, "Kept {{ word }}")


def test_what_others_wrote_meanwhile_is_not_lost(browser: Browser, site: Site) -> None:
    """
    Given a prompt that is edited in the page and in an editor,
    when the page saves,
    then it says that the file has changed, which stays as it is.
    """

    def act(window: Window) -> str:
        site.open(window)
        site.write(window, "Mine {{ word }}", "Mine word-0001.")
        site.prompt.write_text("Theirs {{ word }}")
        window.page.click("#save")
        window.page.click("#saving-yes")
        window.page.wait_for_selector("#saving-told >> text=has changed")
        return window.page.input_value("#template")

    assert browser.look(act) == "Mine {{ word }}"
    assert site.prompt.read_text() == "Theirs {{ word }}"


def test_markup_is_text_and_one_press_sends_one_call(browser: Browser, site: Site) -> None:
    """
    Given a prompt that has a model say markup,
    when it is run by the keyboard, pressed twice, and run again,
    then nothing of it acts, in messages, stream or answer, and one call was sent.
    """

    def act(window: Window) -> tuple[bool, str, list[str]]:
        page = window.page
        site.open(window, "?row=4&variant=hot")
        site.write(window, f"{SCRIPT} {{{{ word }}}}", "onerror")
        page.wait_for_selector("#run:not([disabled])")
        page.press("#template", "Control+Enter")
        page.press("#template", "Control+Enter")
        page.wait_for_selector("#answer .badge")
        page.wait_for_selector("#rendered >> text=costs nothing")
        page.click("#run")
        page.wait_for_selector("#answer b >> text=recalled")
        page.wait_for_selector("text=the try before")
        return page.evaluate(OWNED), page.inner_text("#answer"), window.complaints

    is_owned, answer, complaints = browser.look(act)

    assert (is_owned, complaints) == (False, [])
    assert answer.count(SCRIPT) == 2
    assert asked_for(site.provider.requests()) == [f"{SCRIPT} word-0004."]
