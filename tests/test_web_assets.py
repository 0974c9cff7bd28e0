"""What pages are made of: vendored files as they were published, light, and nothing from elsewhere."""

import json
import re
from hashlib import sha256
from pathlib import Path

import promptlab.web

WEB = Path(promptlab.web.__file__).parent
STATIC = WEB / "static"
VENDOR = STATIC / "vendor"
MOST_BYTES = 200_000
CODE_OF_TEXT = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function")
SCRIPT = re.compile(
    r"""<script nonce="\{\{ nonce \}\}" src="/static/[^"]+"[^>]*></script>"""
    r"""|<script type="application/json" id="\w+" nonce="\{\{ nonce \}\}">\{\{ \w+ \| tojson \}\}</script>"""
)


def test_vendored_files_are_as_the_manifest_says() -> None:
    """
    Given the manifest of what is vendored,
    when the files are read,
    then they are these, byte for byte, each package with its licence, and there are no others.
    """
    packages = json.loads((VENDOR / "manifest.json").read_text())

    said = {name: digest for package in packages.values() for name, digest in package["files"].items()}
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    found.pop("manifest.json")
    assert found == said
    for package in packages.values():
        assert package["license"] in ("0BSD", "MIT")
        assert any(name.endswith(".LICENSE") for name in package["files"])


def test_all_files_together_weigh_less_than_a_page_may() -> None:
    """
    Given all static files,
    when they are weighed,
    then one page could load them all, with 40 KB of its own, within its 200 KB.
    """
    weight = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file())

    assert weight < MOST_BYTES - 40_000


def test_templates_hold_to_the_policy() -> None:
    """
    Given all templates,
    when they are read,
    then no script is without a nonce, none but data stands in the page, nothing is styled or handled in
    attributes, nothing is loaded from elsewhere, and nothing is called safe that was not escaped.
    """
    for path in sorted((WEB / "templates").rglob("*.j2")):
        text = path.read_text()
        for script in re.findall(r"<script[^>]*>.*?</script>", text, re.DOTALL):
            assert SCRIPT.fullmatch(script), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\bjs:", text), path
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), path
        assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup", text), path


def test_our_scripts_make_no_code_of_text() -> None:
    """
    Given our own scripts,
    when they are read,
    then none writes markup or makes code out of text.
    """
    for path in STATIC.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", path.read_text()
        )
