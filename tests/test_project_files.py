"""A project's files: its root, the paths it may name, what is refused and what is remembered."""

import hashlib
import os
from pathlib import Path

import pytest

from promptlab.loader.files import LARGEST, ProjectFiles, find_root, project_path
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError, Memory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "prompts").mkdir(parents=True)
    (root / "promptlab.yaml").write_text("version: 1\n")
    (root / "prompts" / "classify.j2").write_text("Hi")
    (root / ".env").write_text("OPENAI_API_KEY=x")
    (tmp_path / "secret.txt").write_text("outside")
    return root


def test_a_file_is_read_once_and_remembered_with_its_hash(project: Path) -> None:
    """
    Given a file that was read,
    when it changes and is read again by another spelling of its path,
    then the first reading is given, and it is recorded with its hash.
    """
    files = ProjectFiles(project)
    first = files.read("prompts/classify.j2")
    (project / "prompts" / "classify.j2").write_text("changed")

    second = files.read("./prompts/x/../classify.j2")

    assert (second, second.content) == (first, b"Hi")
    assert files.files_read == {"prompts/classify.j2": first}
    assert first.sha256 == hashlib.sha256(b"Hi").hexdigest()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../secret.txt", "leads outside the project"),
        ("prompts/../../secret.txt", "leads outside the project"),
        ("/etc/passwd", "leads outside the project"),
        ("~/x", "leads outside the project"),
        ("C:/x", "leads outside the project"),
        ("prompts\\classify.j2", "has backslashes"),
        ("https://example.com/x", "is an address"),
        (".env", "is a hidden file"),
        ("prompts/.x/a", "is a hidden file"),
        ("", "is empty"),
        ("a\nb", "characters that cannot be shown"),
        ("a\x00b", "characters that cannot be shown"),
        ("n" * 300, "is too long"),
        ("prompts", "is a folder"),
        ("prompts/nope.j2", "there is no file"),
        ("promptlab.yaml/x", "there is no file"),
        ("link", "leads outside the project"),
        ("loop", "leads to itself"),
        ("hidden", "leads to a hidden file"),
        ("pipe", "is not a regular file"),
        ("device", "leads outside the project"),
    ],
)
def test_what_a_file_may_not_name_is_refused(project: Path, name: str, message: str) -> None:
    """
    Given a project with links, a pipe and a hidden file,
    when a path is read that leads outside, to no regular file or to nothing,
    then it is refused with the reason, nothing is read, and nothing hangs.
    """
    (project / "link").symlink_to("../secret.txt")
    (project / "loop").symlink_to("loop")
    (project / "hidden").symlink_to(".env")
    (project / "device").symlink_to("/dev/zero")
    os.mkfifo(project / "pipe")
    files = ProjectFiles(project)

    with pytest.raises(FileError, match=message):
        files.read(name)

    assert files.files_read == {}


@pytest.mark.parametrize("name", ["away/secret.txt", "away/secrets.txt", "dangling"])
def test_a_folder_outside_is_neither_read_nor_listed_through_a_link(project: Path, name: str) -> None:
    """
    Given a link to a folder outside the project, and one to nothing outside,
    when a file behind it is named, there or not,
    then it is refused as outside, and nothing that lies there is told.
    """
    (project / "away").symlink_to("..")
    (project / "dangling").symlink_to("../nothing")
    files = ProjectFiles(project)

    with pytest.raises(FileError, match="leads outside the project") as caught:
        files.read(name)

    assert caught.value.hint == "copy the file into the project"
    assert not files.exists(name)
    assert files.list("away") == []


def test_links_inside_the_project_are_followed(project: Path) -> None:
    """
    Given a link to another file of the project,
    when it is read,
    then it is that file.
    """
    (project / "alias.j2").symlink_to("prompts/classify.j2")

    assert ProjectFiles(project).read("alias.j2").path == "prompts/classify.j2"


def test_a_slip_in_a_file_name_is_pointed_out(project: Path) -> None:
    """
    Given a path with a slip of the pen,
    when it is read,
    then the hint names the file that is there.
    """
    with pytest.raises(FileError) as raised:
        ProjectFiles(project).read("prompts/clasify.j2")

    assert raised.value.hint == "did you mean 'prompts/classify.j2'?"


def test_a_large_file_is_refused_by_its_size(project: Path) -> None:
    """
    Given a file of more than 10 MB (sparse),
    when it is read,
    then it is refused.
    """
    with (project / "big.yaml").open("wb") as big:
        big.truncate(LARGEST + 1)

    with pytest.raises(FileError, match="larger than 10 MB"):
        ProjectFiles(project).read("big.yaml")


@pytest.mark.parametrize(
    ("content", "line", "column", "message", "hint"),
    [
        (b"a\nb\xff", 2, 2, "the byte 0xFF is not UTF-8", "Latin-1"),
        ("é\nx".encode("utf-16"), 1, 1, "this is UTF-16, not UTF-8", "save the file as UTF-8"),
        ("abc\n".encode("utf-16-be"), 1, 1, "this is UTF-16, not UTF-8", "save the file as UTF-8"),
        ("abc\n".encode("utf-32"), 1, 1, "this is UTF-32, not UTF-8", "save the file as UTF-8"),
        ("abc\n".encode("utf-32-be"), 1, 1, "this is UTF-32, not UTF-8", "save the file as UTF-8"),
        (b"abc\nd\x00e\n", 2, 2, "a NUL byte in a text file", "remove it"),
        (b"\x89PNG\r\n\x1a\n\x00", 1, 1, "this is a PNG image, not a text file", "name a text file here"),
        (b"a\xed\xa0\x80", 1, 2, "half of a surrogate pair (CESU-8) in the file", "save the file as UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_a_place(
    content: bytes, line: int, column: int, message: str, hint: str
) -> None:
    """
    Given bytes that are not UTF-8,
    when they are read as text,
    then the problem says what they are, where, and what to do.
    """
    problems = Problems()

    text = ProjectFiles(Memory({"a.yaml": content})).read_text("a.yaml", problems)

    found = [(problem.line, problem.column, problem.message) for problem in problems]
    assert (text, found) == (None, [(line, column, message)])
    assert hint in str(next(iter(problems)).hint)


def test_a_byte_order_mark_is_left_out() -> None:
    """
    Given a file with a byte order mark,
    when it is read as text,
    then the mark is no part of it.
    """
    assert ProjectFiles(Memory({"a": b"\xef\xbb\xbfx"})).read_text("a", Problems()) == "x"


def test_the_root_is_the_nearest_marked_folder(project: Path) -> None:
    """
    Given a project with folders inside, and a file outside of any project,
    when the root is sought for a file, a folder and a file that is not there,
    then it is the project's, or else the file's own folder.
    """
    assert find_root(project / "prompts" / "classify.j2") == project
    assert find_root(project / "prompts") == project
    assert find_root(project / "nope" / "x.yaml") == project
    assert find_root(project.parent / "secret.txt") == project.parent


def test_paths_are_made_canonical() -> None:
    """
    Given spellings of one path,
    when they are read as paths of a project,
    then they are the same.
    """
    assert {project_path(name) for name in ("a/b.j2", "./a/b.j2", "a//b.j2", "a/x/../b.j2")} == {"a/b.j2"}


def test_folders_are_listed_without_what_is_hidden(project: Path) -> None:
    """
    Given a project on disk and the same files in memory,
    when the root is listed,
    then files and folders are named, hidden ones not.
    """
    memory = Memory({"promptlab.yaml": b"", "prompts/classify.j2": b""})

    assert ProjectFiles(project).list() == ["promptlab.yaml", "prompts/"] == ProjectFiles(memory).list()
