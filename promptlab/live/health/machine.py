"""The machine: Python, SQLite, packages, the template process, disk, proxies, git."""

import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from promptlab.core.errors import PromptlabError
from promptlab.engine.rendering import Renderer
from promptlab.engine.scope import Names, RenderFailed
from promptlab.live.health.finding import Finding
from promptlab.schemas.template import Template

OLDEST_PYTHON = (3, 12)
OLDEST_SQLITE = (3, 35, 0)
SAFE_SQLITE = (3, 51, 3)
OWN_DISTRIBUTION = "promptlab-pipelines"
OTHERS = ("promptlab", "llm-prompt-lab", "promptlab-cli")
LITTLE, TOO_LITTLE = 1_000_000_000, 50_000_000  # bytes
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
LOGIN = re.compile(r"(?:(?<=://)|^)[^@]*@")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def python() -> Finding:
    version = sys.version.split(maxsplit=1)[0]
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "bad", version, "install Python 3.12 or newer")
    return Finding("python", "ok", f"{version} ({sys.executable})")


def sqlite() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Finding("sqlite", "bad", version, "use a Python with SQLite 3.35 or newer")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        return Finding("sqlite", "ok", f"{version}; only promptlab itself should write to the run log")
    return Finding("sqlite", "ok", version)


def package(installed: Iterable[Distribution] | None = None) -> Finding:
    """Look for other packages that install a folder `promptlab`."""
    names = {_name(found) for found in (distributions() if installed is None else installed)}
    others = sorted(names & set(OTHERS))
    if others:
        advice = f"they overwrite each other: pip uninstall {' '.join(others)}; then install ours again"
        return Finding("package", "bad", f"{', '.join(others)} installs `promptlab` too", advice)
    return Finding("package", "ok", f"{OWN_DISTRIBUTION} alone installs `promptlab`")


def _name(distribution: Distribution) -> str:
    return (distribution.metadata["Name"] or "").lower().replace("_", "-")


async def templates() -> Finding:
    """Render one template in the process that renders all."""
    try:
        async with Renderer() as renderer:
            made = await renderer.render(Template("text", "{{ 1 + 1 }}", "doctor"), Names({}))
    except (OSError, RenderFailed, PromptlabError) as error:
        return Finding(
            "templates", "bad", f"the template process does not start: {error}", "check `ulimit -a`"
        )
    return Finding("templates", "ok" if str(made) == "2" else "bad", "the template process starts")


def disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    if free < TOO_LITTLE:
        return Finding("disk", "bad", detail, "free some space: answers could not be recorded")
    return Finding(
        "disk", "warn" if free < LITTLE else "ok", detail, "free some space" if free < LITTLE else ""
    )


def network(environ: Mapping[str, str] = os.environ) -> Finding:
    """Name the proxies and certificates that calls will use."""
    proxies = {name: environ.get(name) or environ.get(name.lower()) for name in PROXIES}
    set_proxies = [f"{name}={LOGIN.sub('***@', value)}" for name, value in proxies.items() if value]
    for name in CERTIFICATES:
        path = environ.get(name)
        if path and not Path(path).exists():
            return Finding("network", "warn", f"{name} names {path}, which is not there", f"unset {name}")
    odd = [name for name in PROXIES[:3] if proxies[name] and "://" not in str(proxies[name])]
    if odd:
        return Finding(
            "network", "warn", ", ".join(set_proxies), f"{odd[0]} is no address; say http://host:port"
        )
    return Finding("network", "ok", ", ".join(set_proxies) or "no proxy is set")


def git(root: Path) -> Finding:
    from promptlab.services.git import git_state  # noqa: PLC0415

    if shutil.which("git") is None:
        return Finding(
            "git", "warn", "git is not there", "install git: runs then keep the commit they ran at"
        )
    state = git_state(root)
    if state.commit is None:
        return Finding("git", "warn", "the project is in no git repository", "git init, and commit it")
    return Finding("git", "ok", f"{state.commit[:10]}{', with changes' if state.dirty else ''}")
