"""A project that records and replays: the command in it, and what reached the provider."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.core.files import OWN_FOLDER
from tests.cli_kit import Cli, Said
from tests.fakes import FakeProvider
from tests.lab import KEY, Lab


@dataclass
class Studio:
    """The pipeline `words` over three rows; the key is there only while it records."""

    cli: Cli
    provider: FakeProvider
    lab: Lab

    @classmethod
    def made(cls, cli: Cli, provider: FakeProvider) -> "Studio":
        studio = cls(cli, provider, Lab(cli.folder, provider.base_url))
        studio.lab.write_rows(3)
        return studio

    def record(self, *arguments: str, expect: int = 0) -> Said:
        """Run, and write what was used."""
        return self._run("record", *arguments, key=KEY, expect=expect)

    def replay(self, *arguments: str, expect: int = 0) -> Said:
        """Run without a key and without what the log knows; nothing may be called."""
        self.forget()
        before = len(self.provider.requests())
        said = self._run("replay", *arguments, key="", expect=expect)
        assert len(self.provider.requests()) == before
        return said

    def command(self, *arguments: str, key: str = "", expect: int = 0) -> Said:
        """Give any command."""
        self.lab.write(".env", f"FAKE_KEY={key}\n")
        said = self.cli(*arguments)
        assert said.code == expect, (said.code, said.out, said.err)
        return said

    def forget(self) -> None:
        """Take the run log away."""
        shutil.rmtree(self.lab.root / OWN_FOLDER, ignore_errors=True)

    @property
    def files(self) -> list[Path]:
        """All recordings."""
        return sorted((self.lab.root / "recordings").glob("*/*/*.json"))

    def _run(self, mode: str, *arguments: str, key: str, expect: int) -> Said:
        return self.command("run", "words", "--mode", mode, "--json", *arguments, key=key, expect=expect)


def without_times(value: Any) -> Any:
    """Give what a report says but for ids, times and whether answers were recalled."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in _OF_THE_RUN}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


_OF_THE_RUN = (
    "run_id",
    "seconds",
    "calls",
    "spent_usd",
    "recalled",
    "attempts",
    "throttle",
    "recorded",
    "at",
)
