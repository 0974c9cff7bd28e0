"""`promptlab init`."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from promptlab.cli.commands import Command
from promptlab.core.errors import UsageError
from promptlab.loader.schema_file import keep_schema_file

FILES = {
    "promptlab.yaml": "promptlab.yaml",
    "pipelines/reply.yaml": "pipelines/reply.yaml",
    "prompts/reply.j2": "prompts/reply.j2",
    "prompts/reply_friendly.j2": "prompts/reply_friendly.j2",
    "data/questions.jsonl": "data/questions.jsonl",
    ".gitignore": "gitignore",
}
KEPT = ".gitignore"  # almost every repository has one
KEYS_FILE = ".env"


@click.command(cls=Command, epilog="Example: promptlab init my-prompts")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False))
def command(folder: str) -> None:
    """Write a small project that runs at once, without network; overwrites nothing."""
    target = Path(folder)
    _refuse_overwriting(target)
    wanted = [name for name in FILES if not (name == KEPT and _is_there(target / name))]
    for name in wanted:
        _write(target / name, _starter() / FILES[name])
    keep_schema_file(target)
    if KEPT not in wanted and not _ignores_keys(target / KEPT):
        click.echo(f"add {KEYS_FILE} to {KEPT}, so that no key is committed", err=True)
    click.echo(f"wrote {len(wanted)} files in {target}; try:", err=True)
    for step in _next_steps(folder):
        click.echo(f"  {step}", err=True)


def _starter() -> Traversable:
    return files("promptlab.cli") / "starter"


def _refuse_overwriting(target: Path) -> None:
    try:
        there = [name for name in FILES if name != KEPT and _is_there(target / name)]
    except OSError as error:
        raise UsageError(f"{target}: {(error.strerror or '').lower()}") from None
    if there:
        hint = "name another folder, or move them away"
        raise UsageError(f"{target} has {', '.join(there)} already; nothing was written", hint=hint)


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _ignores_keys(path: Path) -> bool:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip().lstrip("/") in (KEYS_FILE, f"{KEYS_FILE}*", "*.env") for line in lines)


def _write(path: Path, source: Traversable) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {(error.strerror or '').lower()}") from None


def _next_steps(folder: str) -> list[str]:
    steps = ["promptlab run reply", "promptlab runs show last --row 0", "promptlab validate"]
    return [*([f"cd {folder}"] if folder != "." else []), *steps]
