"""The files of a commit in a folder of their own, where its python runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from promptlab.loader.git_tree import GitTree
from promptlab.loader.recordings import FOLDER


@contextmanager
def checked_out(tree: GitTree) -> Iterator[Path]:
    """Write the files of a commit into a private folder, but for recordings; it is gone afterwards.

    They are as git keeps them: no filter of the repository runs.
    """
    with TemporaryDirectory(prefix="promptlab-") as name:
        root = Path(name)
        for path, content in tree.contents():
            if not path.startswith(f"{FOLDER}/"):
                to = root / path
                to.parent.mkdir(parents=True, exist_ok=True)
                with to.open("xb") as stream:
                    shutil.copyfileobj(content, stream)
        yield root
