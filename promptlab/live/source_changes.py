"""Which files of a run are not what they were."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.project import SETTINGS, read_settings
from promptlab.loader.rows.stream import hashed
from promptlab.loader.sources import FileError, Memory
from promptlab.schemas.log import SourceFile

_BEARS_ON_REQUESTS = ("type", "base_url", "identity", "api")


def changed_files(files: ProjectFiles, sources: Iterable[SourceFile]) -> Iterator[str]:
    """Say of each file that has changed, or is gone, what became of it."""
    for source in sources:
        try:
            is_same = _is_same(files, source)
        except FileError:
            yield f"{source.path} is gone"
        else:
            if not is_same:
                yield f"{source.path} has changed"


def _is_same(files: ProjectFiles, source: SourceFile) -> bool:
    with files.source.open(files.source.locate(source.path)) as stream:
        if source.kind == "data":
            known: str = json.loads(source.content)["sha256"]
            return known == hashed(files, source.path, stream).sha256
        content = stream.read()
    if source.kind == "settings" and content != source.content:
        return _weighty(content) == _weighty(source.content)
    return content == source.content


def _weighty(content: bytes) -> Mapping[str, Any] | None:
    """Give what of settings bears on requests and costs: limits and rates may change, the model is kept."""
    found = read_settings(ProjectFiles(Memory({SETTINGS: content})), Problems())
    if found is None:
        return None
    settings = found.model_dump()
    entries = {
        name: {key: entry[key] for key in _BEARS_ON_REQUESTS} for name, entry in settings["providers"].items()
    }
    return {"providers": entries, "prices": settings["prices"]}
