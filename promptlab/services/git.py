"""What git says of the project: its commit, whether the tree is as that, what changed since another."""

import subprocess
from pathlib import Path

from promptlab.core.display import shortened, shown
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.git import git_command, git_environment

SECONDS = 5
LONGER = 60
FETCH = "fetch more of it: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"


@frozen
class GitState:
    """None: not known (no git, no repository, no commit yet)."""

    commit: str | None = None
    dirty: bool | None = None


@frozen
class Base:
    """What a project is compared with: `commit`, that of `ref` unless HEAD has parted from it.

    `prefix`: the project's folder in the repository, "" or ending in a slash; `changed`: the files below it
    that are not as they are in `commit`, in the working tree, new ones included.
    """

    ref: str
    commit: str
    has_parted: bool
    prefix: str
    changed: frozenset[str]


def git_state(root: Path) -> GitState:
    """Ask git; never fails."""
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return GitState()
    lines = status.split("\n")
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    dirty = any(line and not line.startswith("#") for line in lines)
    return GitState(None if commit in (None, "(initial)") else commit, dirty)


def author(root: Path) -> str | None:
    """Give who commits here, as `Ada <ada@example.com>`; None where git was not told. Never fails."""
    said = _git(root, "config", "--get-regexp", r"^user\.(name|email)$")
    known = dict(line.split(" ", 1) for line in (said or "").splitlines() if " " in line)
    name, email = known.get("user.name"), known.get("user.email")
    return f"{name} <{email}>" if name and email else name or email


def base_of(root: Path, ref: str) -> Base:
    """Find what the working tree is compared with; raises UsageError, with what to do, where it is not there.

    As with `git diff REF...`, it is the commit where HEAD parted from `ref`: what others did on `ref` since
    is no change of one's own.
    """
    prefix = _said(root, "rev-parse", "--show-prefix").removesuffix("\n")
    commit = commit_named(root, ref)
    parted = asked_git(root, "merge-base", commit, "HEAD")
    if parted.returncode:
        raise _no_common_commit(root, ref)
    base = parted.stdout.strip()
    changed = _said(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z", base)
    new = _said(root, "ls-files", "--others", "--exclude-standard", "-z")
    return Base(ref, base, base != commit, prefix, frozenset(f"{changed}{new}".split("\0")) - {""})


def difference_to_head(root: Path, path: str) -> str | None:
    """Give what a file below the root differs in from the last commit; None where that does not have it."""
    literally = "--literal-pathspecs"
    try:
        known = asked_git(root, literally, "ls-tree", "HEAD", "--", path)
        if known.returncode or not known.stdout:
            return None
        shown = ("--no-color", "--no-ext-diff", "--no-textconv")
        return _said(root, literally, "diff", *shown, "HEAD", "--", path)
    except UsageError:
        return None


def refs(root: Path) -> list[str]:
    """Give the names of branches and tags, the newest first."""
    said = _said(root, "for-each-ref", "--sort=-creatordate", "--format=%(refname:short)")
    return said.split("\n")[:-1]


def commit_named(root: Path, ref: str) -> str:
    """Give the commit that a branch, a tag or a commit names; raises UsageError where there is none."""
    if ref.startswith("-") or not ref.strip():
        raise UsageError(f"{shown(ref)} is no commit", hint="say a branch, a tag or a commit")
    found = asked_git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if not found.returncode:
        return found.stdout.strip()
    if _is_shallow(root):
        raise UsageError(f"this shallow clone does not have the commit {shown(ref)}", hint=FETCH)
    raise UsageError(
        f"git knows no commit {shown(ref)}", hint="say a branch, a tag or a commit that is there"
    )


def _no_common_commit(root: Path, ref: str) -> UsageError:
    if _is_shallow(root):
        return UsageError(
            f"this shallow clone does not reach back to where HEAD parted from {ref}", hint=FETCH
        )
    return UsageError(f"HEAD and {shown(ref)} have no commit in common", hint="say a commit before HEAD")


def _is_shallow(root: Path) -> bool:
    return _said(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def _said(root: Path, *arguments: str) -> str:
    """Give what git says; raises UsageError where it refuses."""
    done = asked_git(root, *arguments)
    if done.returncode:
        reason = shortened((done.stderr.strip() or "it does not say why").split("\n")[0], 200)
        hint = "a change is told by git: the project must lie in a repository"
        raise UsageError(f"git cannot be asked about {root}: {reason}", hint=hint)
    return done.stdout


def asked_git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask git, whatever it answers; raises UsageError where there is no git, or it takes too long."""
    try:
        return subprocess.run(
            git_command(root, *arguments),
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=LONGER,
            check=False,
            env=git_environment(),
        )
    except FileNotFoundError:
        raise UsageError("there is no git on this machine", hint="install it") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git took longer than {LONGER} s about {root}") from None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            git_command(root, *arguments), capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
