"""A project under review: its answers are recorded in git, and CI has neither key nor network."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promptlab.core.files import OWN_FOLDER
from tests.affected_kit import Repository
from tests.cli_kit import Cli, Said
from tests.fakes import FakeProvider
from tests.lab import KEY, Lab

GOOD = "Say {{ word }}"
CLOSED = "http://127.0.0.1:9/v1"
ROWS = 8


@dataclass
class Review:
    """The pipeline `words` over eight rows on `main`, of which the first is answered wrongly."""

    cli: Cli
    provider: FakeProvider
    lab: Lab
    repository: Repository

    @classmethod
    def made(cls, cli: Cli, provider: FakeProvider, prompt: str = GOOD) -> "Review":
        lab = Lab(cli.folder, provider.base_url, entry={"identity": "fake"})
        lab.write_rows(ROWS)
        lab.write("prompts/say.j2", prompt)
        lab.write(".gitignore", ".env\n.promptlab/\n")
        review = cls(cli, provider, lab, Repository(cli.folder))
        review.repository.git("init", "-q", "-b", "main", "--template=")
        review.record()
        return review

    def record(self, *arguments: str) -> str:
        """Record what the pipeline asks, with a key, and commit all; give the commit."""
        self.lab.write(".env", f"FAKE_KEY={KEY}\n")
        said = self.cli("run", "words", "--mode", "record", *arguments)
        assert said.code in (0, 1), (said.out, said.err)
        return self.repository.commit()

    def branch(self, name: str, prompt: str | None = None, *, start: str = "main") -> None:
        """Begin a branch, with another prompt."""
        self.repository.git("switch", "-q", "-c", name, start)
        if prompt is not None:
            self.lab.write("prompts/say.j2", prompt)

    def ci(self, *arguments: str) -> Said:
        """Test what is checked out as CI does: no key, no log, and nobody at the provider's address."""
        shutil.rmtree(self.lab.root / OWN_FOLDER, ignore_errors=True)
        (self.lab.root / ".env").unlink(missing_ok=True)
        before = len(self.provider.requests())
        said = self.offline(lambda: self.cli("test", *arguments))
        assert len(self.provider.requests()) == before
        return said

    def offline(self, act: Callable[[], Said]) -> Said:
        """Do something while the address of the provider is one where nobody answers."""
        settings = self.lab.root / "promptlab.yaml"
        text = settings.read_text()
        settings.write_text(text.replace(self.provider.base_url, CLOSED))
        try:
            return act()
        finally:
            settings.write_text(text)

    @property
    def recordings(self) -> list[Path]:
        return sorted((self.lab.root / "recordings").glob("*/*/*.json"))
