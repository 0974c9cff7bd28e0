"""The files of a git commit as a source: links, submodules, large files, folders of a repository."""

from pathlib import Path

import pytest

from promptlab.core.errors import UsageError
from promptlab.loader.files import ProjectFiles
from promptlab.loader.git_tree import GitTree
from promptlab.loader.sources import FileError
from promptlab.services.git import base_of
from tests.affected_kit import Repository

FILES = {"data/a.txt": "a\n", "data/b c.txt": "b\n", "prompts/größe.j2": "g\n", ".hidden/x": "x\n"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository").start(FILES)


def link(repository: Repository, path: str, to: str) -> None:
    (repository.project / path).parent.mkdir(parents=True, exist_ok=True)
    (repository.project / path).symlink_to(to)


def text(tree: GitTree, path: str) -> str:
    content = ProjectFiles(tree).read(path).content
    assert content is not None
    return content.decode()


def test_files_are_read_as_they_were(repository: Repository) -> None:
    """
    Given a commit, and a working tree in which all of it is another or gone,
    when the commit is read,
    then names and contents are those of the commit, hidden files left out of listings.
    """
    for path in FILES:
        repository.remove(path)
    repository.write("data/a.txt", "another\n")

    with GitTree(repository.root, "HEAD") as tree:
        assert (tree.list(""), tree.list("data")) == (["data/", "prompts/"], ["a.txt", "b c.txt"])
        assert (text(tree, "data/a.txt"), text(tree, "data/b c.txt")) == ("a\n", "b\n")
        assert text(tree, "prompts/größe.j2") == "g\n"
        assert (tree.exists("data"), tree.exists("data/c.txt"), tree.list("nothing")) == (True, False, [])


def test_a_folder_of_a_repository_is_read_by_itself(tmp_path: Path) -> None:
    """
    Given a project in a folder of a repository,
    when a commit of it is read,
    then paths are those below the project, and nothing beside it is there.
    """
    repository = Repository(tmp_path / "repository", "apps/one").start(FILES)
    (repository.root / "apps/two.txt").write_text("two")
    repository.commit()
    repository.write("data/a.txt", "another\n")
    repository.write("new.txt", "new\n")

    base = base_of(repository.project, "HEAD")

    assert (base.prefix, set(base.changed)) == ("apps/one/", {"data/a.txt", "new.txt"})
    with GitTree(repository.project, base.commit, "apps/one") as tree:
        assert tree.list("") == ["data/", "prompts/"]
        assert text(tree, "data/a.txt") == "a\n"


def test_a_folder_that_the_commit_does_not_have_is_empty(repository: Repository) -> None:
    """
    Given a project in a folder that is newer than the commit,
    when the commit is read,
    then there are no files.
    """
    with GitTree(repository.root, "HEAD", "later") as tree:
        assert (tree.list(""), tree.exists("data")) == ([], False)


def test_links_are_followed_inside_the_tree(repository: Repository) -> None:
    """
    Given links to a file, to a folder and from one to the other,
    when the commit is read,
    then they lead to what they name.
    """
    link(repository, "same.txt", "data/a.txt")
    link(repository, "prompts/shared", "../data")
    link(repository, "twice", "prompts/shared")
    repository.commit()

    with GitTree(repository.root, "HEAD") as tree:
        assert tree.locate("same.txt") == tree.locate("twice/a.txt") == "data/a.txt"
        assert (text(tree, "prompts/shared/b c.txt"), tree.list("twice")) == ("b\n", ["a.txt", "b c.txt"])
        assert "twice/" in tree.list("")


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("../outside.txt", "leads outside the project"),
        ("/etc/passwd", "leads outside the project"),
        ("link", "a link that leads to itself"),
        ("data", "is a folder"),
        ("data/none.txt", "there is no file"),
        ("data/a.txt/b", "there is no file"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(repository: Repository, to: str, message: str) -> None:
    """
    Given a link out of the project, round in a circle, or to no file,
    when it is read from a commit,
    then the error says which.
    """
    link(repository, "link", to)
    repository.commit()

    with GitTree(repository.root, "HEAD") as tree, pytest.raises(FileError, match=message):
        tree.locate("link")


def test_a_missing_file_has_a_suggestion(repository: Repository) -> None:
    """
    Given a commit,
    when a file is named that it does not have,
    then the error names one that is spelt alike.
    """
    with GitTree(repository.root, "HEAD") as tree, pytest.raises(FileError) as caught:
        tree.open("data/aa.txt")

    assert caught.value.hint is not None
    assert "data/a.txt" in caught.value.hint


def test_pointers_and_submodules_are_told(repository: Repository) -> None:
    """
    Given a file that is kept in Git LFS, and a submodule,
    when they are read from a commit,
    then the errors say what they are, rather than give a pointer for a file.
    """
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    repository.write("data/big.bin", pointer)
    commit = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    repository.git("commit", "-q", "-m", "Add a submodule")

    with GitTree(repository.root, "HEAD") as tree:
        with pytest.raises(FileError, match="kept in Git LFS"):
            tree.open("data/big.bin")
        with pytest.raises(FileError, match="lies in a submodule"):
            tree.locate("vendor/lib/file.txt")


def test_large_files_are_given_as_streams(repository: Repository) -> None:
    """
    Given a file larger than what is kept in memory,
    when it is opened twice, with another one in between,
    then each stream gives all of it.
    """
    content = b"0123456789abcdef" * 600_000
    (repository.project / "data/large.bin").write_bytes(content)
    repository.commit()

    with GitTree(repository.root, "HEAD") as tree:
        size = tree.size("data/large.bin")
        with tree.open("data/large.bin") as first, tree.open("data/large.bin") as second:
            small = tree.open("data/a.txt").read()

            assert (size, small) == (len(content), b"a\n")
            assert first.read() == second.read() == content


def test_the_base_is_where_head_parted(repository: Repository) -> None:
    """
    Given a branch, and a commit on main since they parted,
    when the branch is compared with main,
    then it is with the commit where they parted: what main did since is no change of the branch.
    """
    parted = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "mine")
    repository.write("data/a.txt", "mine\n")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("data/b c.txt", "theirs\n")
    repository.commit()
    repository.git("checkout", "-q", "mine")

    base = base_of(repository.root, "main")

    assert (base.commit, base.has_parted, set(base.changed)) == (parted, True, {"data/a.txt"})


@pytest.mark.parametrize("ref", ["nowhere", "-n", "--all", "", "HEAD~9", "HEAD:data"])
def test_a_ref_that_is_none_is_refused(repository: Repository, ref: str) -> None:
    """
    Given a repository,
    when something is asked for that is no commit of it,
    then the error says so, with what to say.
    """
    with pytest.raises(UsageError, match=r"no commit|knows no commit") as caught:
        base_of(repository.root, ref)

    assert caught.value.hint is not None
    assert "a branch, a tag or a commit" in caught.value.hint


def test_without_a_repository_it_is_said(tmp_path: Path) -> None:
    """
    Given a folder outside any repository,
    when a base is asked for,
    then the error says that git cannot tell.
    """
    with pytest.raises(UsageError, match="git cannot be asked"):
        base_of(tmp_path, "HEAD")


def test_a_shallow_clone_says_how_to_get_more(repository: Repository, tmp_path: Path) -> None:
    """
    Given a shallow clone,
    when it lacks the commit, or that where HEAD parted from it,
    then the error says how to fetch more.
    """
    first = repository.git("rev-parse", "HEAD")
    repository.write("data/a.txt", "second\n")
    repository.commit()
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.root}", str(shallow))

    with pytest.raises(UsageError, match="shallow clone does not have the commit") as caught:
        base_of(shallow, first)

    assert "git fetch --unshallow" in str(caught.value.hint)


def test_histories_without_a_common_commit_are_refused(repository: Repository) -> None:
    """
    Given two branches that share no commit,
    when one is compared with the other,
    then the error says so.
    """
    repository.git("checkout", "-q", "--orphan", "other")
    repository.write("data/a.txt", "another\n")
    repository.commit()

    with pytest.raises(UsageError, match="no commit in common"):
        base_of(repository.root, "main")


def test_what_git_tells_its_hooks_is_not_taken_for_ours(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given the environment of a hook of another repository,
    when a project asks git,
    then it is asked about the project's own repository.
    """
    other = Repository(tmp_path / "other").start({"x.txt": "x\n"})
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))

    with GitTree(repository.root, base_of(repository.root, "HEAD").commit) as tree:
        assert tree.list("data") == ["a.txt", "b c.txt"]


def test_a_tree_that_git_cannot_list_is_told(repository: Repository) -> None:
    """
    Given a clone that lacks the objects of a folder,
    when the commit is read,
    then it is an error, not a commit without files.
    """
    tree = repository.git("rev-parse", "HEAD^{tree}")
    (repository.root / ".git/objects" / tree[:2] / tree[2:]).unlink()

    with GitTree(repository.root, "HEAD") as found, pytest.raises(FileError, match="git cannot list HEAD"):
        found.list("")
