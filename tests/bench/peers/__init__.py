"""The same work done by other tools, each in an environment of its own below `.peers` (`make peers`)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import CONNECTIONS, ROOT, Measure, measured
from tests.bench.project import expected, question

HOME = ROOT / ".peers"
HERE = Path(__file__).parent
SYSTEM = "You answer in one short sentence."


@dataclass(frozen=True, slots=True)
class Work:
    """So many rows, so many calls each, against a server; `cached`: what was answered before is not asked."""

    url: str
    rows: int
    steps: int = 1
    cached: bool = False


type Command = Callable[[Path, Work], list[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A rival: the program that runs it, and how it is told its work; `most_steps` is what it can chain."""

    name: str
    program: Path
    command: Command
    most_steps: int = 2
    has_cache: bool = True

    @property
    def is_installed(self) -> bool:
        return self.program.exists()

    def run(self, folder: Path, work: Work) -> Measure:
        """Do the work in a folder, fresh or of an earlier run, and say what it took, the whole process."""
        folder.mkdir(parents=True, exist_ok=True)
        return measured(self.command(folder, work), cwd=folder, env=_environment_in(folder))[0]


QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "INSPECT_DISABLE_TELEMETRY": "1",
}


def _environment_in(folder: Path) -> dict[str, str]:
    """Give what keeps a peer's settings, logs and caches in the folder, and the peer quiet."""
    return {"PROMPTFOO_CONFIG_DIR": str(folder), "INSPECT_CACHE_DIR": str(folder / "cache"), **QUIET}


def _python(name: str, script: str, *, has_cache: bool) -> Peer:
    program = HOME / name / "bin" / "python"

    def command(_folder: Path, work: Work) -> list[str]:
        numbers = [str(number) for number in (work.rows, CONNECTIONS, work.steps, int(work.cached))]
        return [str(program), str(HERE / script), work.url, *numbers]

    return Peer(name, program, command, has_cache=has_cache)


def _promptfoo(folder: Path, work: Work) -> list[str]:
    conversation = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "Answer this question: {{question}}"},
    ]
    provider = {"apiBaseUrl": work.url, "apiKey": "bench-key", "max_tokens": 64}
    config = {
        "prompts": [json.dumps(conversation)],
        "providers": [{"id": "openai:chat:fake-model", "config": provider}],
        "defaultTest": {"assert": [{"type": "icontains", "value": "{{expected}}"}]},
        "tests": "rows.csv",
    }
    (folder / "config.json").write_text(json.dumps(config))
    rows = "".join(f"{question(number)},{expected(number)}\n" for number in range(work.rows))
    (folder / "rows.csv").write_text(f"question,expected\n{rows}")
    options = ("--no-table", "--no-progress-bar", *(() if work.cached else ("--no-cache",)))
    return [str(_PROMPTFOO), "eval", "-c", "config.json", "-j", str(CONNECTIONS), *options]


_PROMPTFOO = HOME / "promptfoo" / "node_modules" / ".bin" / "promptfoo"

# promptflow is not among them: it starts a service that stays, and reports over the network.
PEERS = (
    _python("pydantic-evals", "pydantic_evals_rows.py", has_cache=False),
    _python("inspect-ai", "inspect_rows.py", has_cache=True),
    Peer("promptfoo", _PROMPTFOO, _promptfoo, most_steps=1),
)
