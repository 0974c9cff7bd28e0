"""Chromium, where there is one: shows a page without a network and gives what became of it."""

import shutil
import subprocess
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=5000",
)


def shown(page: Path, fragment: str = "") -> tuple[str, str]:
    """Give the document as it is after its scripts ran, and what the browser logged."""
    if CHROMIUM is None:
        raise AssertionError("skip the test where there is no browser")
    profile = page.parent / "profile"
    address = f"{page.as_uri()}{fragment}"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout, done.stderr
