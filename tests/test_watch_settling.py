"""A save counts once it is whole, however slowly it is written."""

import asyncio
import time
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest

from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.git_lock import GitLock
from promptlab.live.watching.settling import BLOCK, YOUNG, YOUNG_UNSEEN, Settling
from promptlab.live.watching.tree import Tree
from promptlab.live.watching.writers import Writers, is_open_for_writing

NAME = "say.j2"
OLD = "As it was.\n"
SLOW = 1.5 * YOUNG  # s between two pieces
PIECES = ["One piece of it, which is longer than all was before.\n", "Another.\n", "The last.\n"]


class Unseen(Writers):
    """A file system that does not tell who writes."""

    def is_at_it(self, name: str, age: float) -> bool | None:
        del name, age
        return None


@dataclass
class Desk:
    """A file that was known as `OLD`, and is being saved; `told` are the notes."""

    root: Path
    tree: Tree = field(init=False)
    events: FileEvents = field(init=False)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.write_text(OLD)
        self.tree = Tree(self.root)
        self.tree.follow([NAME], {})
        self.events = FileEvents(lambda: [NAME])

    @property
    def path(self) -> Path:
        return self.root / NAME

    async def settled(self, writers: Writers | None = None) -> str:
        """Give what is in the file once its save counts."""
        self.events.add([NAME])
        tell = self.told.append
        writers = writers or Writers(self.root, tell)
        settling = Settling(self.tree, self.events, GitLock(None, tell), writers)
        assert list(await settling.changes()) == [NAME]
        return self.path.read_text()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def in_pieces(path: Path, pieces: list[str], *, pause: float = SLOW) -> float:
    """Write a file, with pauses; give how long the longest was that its reader saw."""
    longest = 0.0
    with path.open("w") as file:
        for piece in pieces:
            before = time.monotonic()
            file.write(piece)
            file.flush()
            await asyncio.sleep(pause)
            longest = max(longest, time.monotonic() - before)
    return longest


@pytest.fixture
def leases(tmp_path: Path) -> None:
    file = tmp_path / "probe"
    file.touch()
    if is_open_for_writing(file) is None:
        pytest.skip("the system does not tell here which files are open for writing")


@pytest.mark.usefixtures("leases")
async def test_a_file_is_whole_once_it_is_closed(desk: Desk) -> None:
    """
    Given a file that a program writes in pieces with pauses, each of which loads and looks whole,
    when it is followed from the first piece on,
    then it counts once it is closed, with all its pieces.
    """
    writing = asyncio.create_task(in_pieces(desk.path, PIECES))
    await asyncio.sleep(0)

    text = await desk.settled()

    await writing
    assert text == "".join(PIECES)


@pytest.mark.skipif(not Path("/proc/self/fdinfo").is_dir(), reason="there is no /proc to look into")
async def test_where_no_leases_are_given_our_own_writers_are_seen(desk: Desk) -> None:
    """
    Given a file system that gives no leases, and a program of ours that writes a file in pieces,
    each of which looks whole, while others have it open for reading,
    when the file is followed from the first piece on,
    then it counts once it is closed for writing.
    """
    writing = asyncio.create_task(in_pieces(desk.path, PIECES))
    await asyncio.sleep(0)
    writers = Writers(desk.root, desk.told.append, ask=lambda _: None)

    with desk.path.open():
        text = await desk.settled(writers)

    await writing
    assert text == "".join(PIECES)


@pytest.mark.usefixtures("leases")
async def test_a_file_that_is_never_closed_counts_at_last(desk: Desk) -> None:
    """
    Given a program that keeps a file open for writing after it wrote to it,
    when nothing is written any more for as long as is waited,
    then the file counts, and it is told that it was not closed.
    """
    with desk.path.open("a") as file:
        file.write("More.\n")
        file.flush()
        text = await desk.settled(Writers(desk.root, desk.told.append, longest=0.05))

    assert text == OLD + "More.\n"
    assert desk.told == [f"{NAME}: a program holds it open for writing; it is taken as it is"]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(["", *PIECES], id="truncated"),
        pytest.param(["x" * BLOCK, "y" * BLOCK, "no end of line"], id="in blocks"),
        pytest.param([text.strip() for text in PIECES], id="between lines"),
    ],
)
async def test_what_looks_half_written_waits_longer_where_nobody_tells(desk: Desk, pieces: list[str]) -> None:
    """
    Given a file system that does not tell who writes,
    when a file is written in pieces with pauses shorter than is waited, and the first ones look half-written,
    then it counts with all its pieces.
    """
    longest = inf
    while longest > 0.9 * YOUNG_UNSEEN:  # a busy machine has held us up
        desk = Desk(desk.root)
        writing = asyncio.create_task(in_pieces(desk.path, pieces))
        await asyncio.sleep(0)

        text = await desk.settled(Unseen(desk.root, desk.told.append))

        longest = await writing
    assert text == "".join(pieces)
