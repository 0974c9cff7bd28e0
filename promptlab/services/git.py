"""What git says of the project: the commit, and whether the tree differs from it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 5


@dataclass(frozen=True, slots=True)
class GitState:
    """None: not known (no git, no repository, no commit yet)."""

    commit: str | None = None
    dirty: bool | None = None


def git_state(root: Path) -> GitState:
    """Ask git; never fails."""
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return GitState()
    lines = status.split("\n")
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    dirty = any(line and not line.startswith("#") for line in lines)
    return GitState(None if commit in (None, "(initial)") else commit, dirty)


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
