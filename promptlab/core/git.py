"""How git is called: for the repository that a folder lies in, and never with a lock."""

import os
from pathlib import Path

OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def git_command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), "--no-optional-locks", *arguments]


def git_environment() -> dict[str, str]:
    """Give the environment without what git tells its hooks: it is about another folder than ours."""
    told = {name: value for name, value in os.environ.items() if name not in OF_HOOKS}
    return {**told, "LC_ALL": "C"}


def folder_in_repository(root: Path) -> str:
    """Give the path of a folder in the repository around it, with a slash at its end; empty at the top."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return "" if folder == root else f"{root.relative_to(folder).as_posix()}/"
    return ""
