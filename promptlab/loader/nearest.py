"""Which recorded request is most like one that is not recorded, and how the two differ."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from difflib import unified_diff
from itertools import islice
from typing import Any

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON, compact, digest
from promptlab.engine.completion import FINGERPRINT_VERSION
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.recordings import FOLDER, Recordings, recording_path

MOST_FILES = 5_000
MOST_CHARACTERS = 100_000  # of a file; words beyond them do not count
MOST_LINES = 400  # of a request; a difference takes the square of it
AROUND = 2
SAID_SO = {"schema": None, "sample": 0}  # goes without saying
_WORD = re.compile(r"\w+")
_REQUEST = '\n  "request": {'


@slotted
class _Search:
    """One request, and what is nearest to it so far."""

    words: frozenset[str]
    score: float = 0.0
    fingerprint: str | None = None

    def look_at(self, fingerprint: str, words: frozenset[str]) -> None:
        score = len(self.words & words) / (len(self.words | words) or 1)
        if score > self.score:
            self.score, self.fingerprint = score, fingerprint


@frozen
class Near:
    """The path of the nearest recording, and in lines the difference to what was asked, or what to do."""

    path: str
    difference: tuple[str, ...] = field(default=())


def nearest(recordings: Recordings, requests: Sequence[Mapping[str, JSON]]) -> list[Near | None]:
    """Give what is nearest to each of a few requests, by shared words; of very many files the first count.

    Where nothing is recorded under the pipeline's name, it may have had another: then it is the same request.
    """
    if not recordings.are_there:
        return [_under_another_name(recordings, request) for request in requests]
    searches = [_Search(_words(_whole(request))) for request in requests]
    for fingerprint in islice(recordings.fingerprints(), MOST_FILES):
        text = recordings.text(fingerprint, Problems())
        if text is not None:
            words = _words(_asked(text))
            for search in searches:
                search.look_at(fingerprint, words)
    return [_near(recordings, one, request) for one, request in zip(searches, requests, strict=True)]


def readable(request: Mapping[str, Any]) -> list[str]:
    """Give a request as people read it, in lines: what is sent beside the messages, then those."""
    lines = [line for key, value in sorted(request.items()) if key != "messages" for line in _key(key, value)]
    for message in request.get("messages") or ():
        lines += _message(message)
    return lines


def _under_another_name(recordings: Recordings, request: Mapping[str, JSON]) -> Near | None:
    fingerprint = digest([FINGERPRINT_VERSION, request])
    folder = recordings.elsewhere(fingerprint)
    if folder is None:
        return None
    moved = shlex.join(["git", "mv", folder, f"{FOLDER}/{recordings.pipeline}"])
    told = f"the same request; if the pipeline has another name since: {moved}"
    return Near(f"{folder}/{fingerprint[:2]}/{fingerprint}.json", (told,))


def _near(recordings: Recordings, found: _Search, request: Mapping[str, JSON]) -> Near | None:
    if found.fingerprint is None:
        return None
    path = recording_path(recordings.pipeline, found.fingerprint)
    try:
        recording = recordings.find(found.fingerprint)
    except InvalidPipeline:
        return Near(path)
    before = readable(recording.request) if recording is not None else []
    old, new = before[:MOST_LINES], readable(request)[:MOST_LINES]
    return Near(path, tuple(unified_diff(old, new, "recorded", "asked now", lineterm="", n=AROUND)))


def _whole(request: Mapping[str, JSON]) -> str:
    """Give all words of a request, as its recording has them: the sample too, which tells repeats apart."""
    unsaid = {name: request.get(name) for name in SAID_SO}
    return "\n".join((*readable(request), compact(unsaid)))


def _asked(text: str) -> str:
    """Give the part of a recording that says what was asked."""
    return text[:MOST_CHARACTERS].partition(_REQUEST)[2] or text[:MOST_CHARACTERS]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _key(key: str, value: Any) -> Iterator[str]:
    if key in SAID_SO and value == SAID_SO[key]:
        return
    if isinstance(value, Mapping):
        for name, inner in sorted(value.items()):
            yield from _lines(f"{key}.{name}", inner)
    else:
        yield from _lines(key, value)


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    yield f"{message.get('role', 'message')}:"
    for key, value in sorted(message.items()):
        if key == "content" and isinstance(value, str):
            yield from _indented(value)
        elif key != "role":
            yield from _indented("\n".join(_lines(key, value)))


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value:
        yield f"{name}:"
        yield from _indented(value)
    elif isinstance(value, list | Mapping) and value:
        yield f"{name}:"
        yield from _indented(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        yield f"{name}: {value if isinstance(value, str) else compact(value)}"


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.split("\n"))
