"""What a watch hears of changes, and what it loads before it is sure of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from promptlab.live.watching.ahead import Ahead
from promptlab.live.watching.inotify import has_inotify, inotify_changes
from promptlab.live.watching.loading import Loading
from promptlab.live.watching.tree import Tree
from promptlab.loader.project import open_project

PIPELINE = (
    "version: 1\nmodel: echo/echo\ndataset: [{word: a}]\nsteps:\n  - id: say\n    prompt: prompts/say.j2\n"
)

linux = pytest.mark.skipif(not has_inotify(), reason="only Linux tells of changes in this way")


class Heard:
    """The paths that were heard of so far."""

    def __init__(self, root: Path, stop: asyncio.Event) -> None:
        self._root = root
        self._changes = inotify_changes([root], stop)
        self._paths: set[str] = set()

    async def gather(self) -> None:
        async with aclosing(self._changes) as changes:
            async for paths in changes:
                self._paths |= paths

    async def of(self, name: str) -> None:
        """Wait until a path was heard of."""
        async with asyncio.timeout(60):
            while str(self._root / name) not in self._paths:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def listening(root: Path) -> AsyncIterator[Heard]:
    stop = asyncio.Event()
    heard = Heard(root, stop)
    gathering = asyncio.create_task(heard.gather())
    await asyncio.sleep(0)
    yield heard
    stop.set()
    await gathering


@linux
async def test_each_way_of_changing_a_folder_is_heard(tmp_path: Path) -> None:
    """
    Given a folder that is listened to,
    when files in it are written, renamed, touched and deleted,
    then each name that has another file behind it, or none, is heard of.
    """
    (tmp_path / "touched").touch()
    (tmp_path / "deleted").touch()

    async with listening(tmp_path) as heard:
        (tmp_path / "né w").write_text("1")
        (tmp_path / "né w").rename(tmp_path / "renamed")
        (tmp_path / "touched").touch()
        (tmp_path / "deleted").unlink()

        for name in ("né w", "renamed", "touched", "deleted"):
            await heard.of(name)


@linux
async def test_a_folder_that_goes_is_heard_of_by_its_own_name(tmp_path: Path) -> None:
    """
    Given a folder that is listened to,
    when it is deleted,
    then it is heard of by its own name.
    """
    folder = tmp_path / "prompts"
    folder.mkdir()

    async with listening(folder) as heard:
        folder.rmdir()

        await heard.of("")


@linux
async def test_a_folder_that_is_not_there_cannot_be_listened_to(tmp_path: Path) -> None:
    """
    Given no folder of a name,
    when it is to be listened to,
    then that is an error of the system's, which says so.
    """
    changes = inotify_changes([tmp_path / "none"], asyncio.Event())

    with pytest.raises(FileNotFoundError):
        await anext(changes)


@pytest.fixture
def loading(tmp_path: Path) -> Loading:
    for name, text in (("pipelines/p.yaml", PIPELINE), ("prompts/say.j2", "Say {{ word }}.\n")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (tmp_path / "promptlab.yaml").write_text("version: 1\n")
    return Loading(open_project(root=tmp_path), ["pipelines/p.yaml"])


async def test_what_was_loaded_ahead_counts_for_the_files_as_they_were_then(loading: Loading) -> None:
    """
    Given a prompt whose save was loaded before it was known to be whole,
    when it is asked for, for the same file, and for one that was saved again,
    then it is given for the same file alone, and nothing was taken over by itself.
    """
    with loading.memory:
        before = loading.load()
        tree, ahead = Tree(loading.project.root), Ahead(loading)
        tree.follow(loading.names(), {})
        prompt = loading.project.root / "prompts" / "say.j2"
        prompt.write_text("Say it, {{ word }}.\n")
        changed = tree.changed(["prompts/say.j2"])
        ahead.foresee(changed)
        same = await ahead.entries(changed)
        prompt.write_text("Say it again, {{ word }}.\n")
        other = await ahead.entries(tree.changed(["prompts/say.j2"]))

    assert same is not None
    assert [entry.path for entry in same] == ["pipelines/p.yaml"]
    assert other is None
    assert list(loading) == before


async def test_what_was_loaded_ahead_counts_not_where_it_read_something_else(loading: Loading) -> None:
    """
    Given a prompt that was seen, and written again before it was read,
    when what was loaded is asked for, for the file as it was seen,
    then it is not given.
    """
    with loading.memory:
        loading.load()
        tree, ahead = Tree(loading.project.root), Ahead(loading)
        tree.follow(loading.names(), {})
        prompt = loading.project.root / "prompts" / "say.j2"
        prompt.write_text("Say it, {{ word }}.\n")
        changed = tree.changed(["prompts/say.j2"])
        prompt.write_text("Say it again, {{ word }}.\n")
        ahead.foresee(changed)
        found = await ahead.entries(changed)

    assert found is None


@pytest.mark.parametrize("name", ["promptlab.yaml", "pipelines/"])
async def test_what_changes_more_than_a_pipeline_is_not_loaded_ahead(loading: Loading, name: str) -> None:
    """
    Given settings that are saved, or a folder in which a file is new,
    when that is seen first,
    then nothing is loaded before it is known to be whole.
    """
    with loading.memory:
        loading.load()
        tree, ahead = Tree(loading.project.root), Ahead(loading)
        tree.follow({*loading.names(), "pipelines/"}, {})
        (loading.project.root / "promptlab.yaml").write_text("version: 1\nmodel: echo/echo\n")
        (loading.project.root / "pipelines" / "q.yaml").write_text(PIPELINE)
        changed = tree.changed([name])
        ahead.foresee(changed)

        assert list(changed) == [name]
        assert await ahead.entries(changed) is None
