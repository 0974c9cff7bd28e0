"""Files that prompts attach or read: held to what models take, and handed to the engine when sent."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import PurePosixPath
from typing import BinaryIO

from promptlab.core.display import shown
from promptlab.core.frozen import slotted
from promptlab.core.images import HEAD, PDF, image_size, sniffed
from promptlab.engine.conversation import Attachment, AttachmentKind, Form
from promptlab.engine.scope import RenderFailed
from promptlab.loader.decoding import DecodingError, decode
from promptlab.loader.files import FileSnapshot, ProjectFiles
from promptlab.loader.sources import FileError

LARGEST = 20 * 2**20
LARGEST_TEXT = 1_000_000
KEPT_BYTES = 48 * 2**20
PLAIN = "text/plain"
FORMATS = "PNG, JPEG, GIF or WebP"


@slotted
class ProjectAttachments:
    """The engine's AttachmentSource over a project's files; those used last are kept, 48 MB at most.

    `on_read` is told of each file that is read.
    """

    files: ProjectFiles
    on_read: Callable[[FileSnapshot], object] = lambda _: None
    _kept: OrderedDict[tuple[str, str], Attachment] = field(default_factory=OrderedDict)
    _size: int = 0

    def attachment(self, kind: AttachmentKind, path: str) -> Attachment:
        try:
            return self._attachment(kind, path)
        except FileError as error:
            raise RenderFailed(f"{kind}({path!r}): {error}") from None

    def text(self, path: str) -> str:
        try:
            return decode(self._attachment("text", path).content)
        except FileError as error:
            raise RenderFailed(f"text({path!r}): {error}") from None

    def _attachment(self, function: str, path: str) -> Attachment:
        found = self._kept.pop((function, path), None)
        if found is None:
            found, snapshot = _read(self.files, function, path)
            self.on_read(snapshot)
            self._size += len(found.content)
        self._kept[function, path] = found
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.content)
        return found


def read_attachment(files: ProjectFiles, function: str, path: str) -> Attachment:
    """Read a file as `image`, `file` or `text` name it; raises FileError where it is none, or too large."""
    return _read(files, function, path)[0]


def _read(files: ProjectFiles, function: str, path: str) -> tuple[Attachment, FileSnapshot]:
    """Give what is attached, and the file as it is."""
    located, limit = files.resolve(path), LARGEST_TEXT if function == "text" else LARGEST
    if files.source.size(located) > limit:
        raise _too_large(path, limit)
    with files.open(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise _too_large(path, limit)
    snapshot = FileSnapshot(located, sha256(content).hexdigest(), len(content), None)
    return _attachment(function, path, located, content), snapshot


def _attachment(function: str, path: str, located: str, content: bytes) -> Attachment:
    kind: AttachmentKind = "image" if function == "image" else "file"
    media_type = _media_type(function, path, BytesIO(content))
    if media_type == PLAIN:
        if len(content) > LARGEST_TEXT:
            raise _too_large(path, LARGEST_TEXT)
        content = _text(path, content).encode()
    name = None if kind == "image" else PurePosixPath(located).name
    return Attachment(kind, media_type, content, name, path)


def record_attachment(files: ProjectFiles, function: str, path: str) -> Form:
    """Read a file that a template names and remember it among those that the pipeline is made of."""
    found, snapshot = _read(files, function, path)
    files.record(snapshot)
    return found.form


class FormChecker:
    """Says what a path of a row leads to, reading no more of it than that takes; it remembers some."""

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files
        self.form = lru_cache(maxsize=10_000)(self._form)

    def _form(self, function: str, path: str) -> Form:
        """Give what a model must take; raises FileError where the file is none of `function`'s."""
        located = self._files.resolve(path)
        if self._files.source.size(located) > LARGEST:
            raise _too_large(path, LARGEST)
        with self._files.open(path) as stream:
            media_type = _media_type(function, path, stream)
        if media_type == PLAIN:
            return read_attachment(self._files, function, path).form
        return "document" if media_type == PDF else "image"


def _media_type(function: str, path: str, stream: BinaryIO) -> str:
    """Say what stands in a file; raises FileError where it is none of `function`'s."""
    found = sniffed(stream.read(HEAD))
    if function == "image":
        return _image_type(path, stream, found)
    if found is None:
        return PLAIN
    if function == "text":
        raise FileError(
            f"{shown(path)} is no text", code="no-text", hint="attach it with file(…) or image(…)"
        )
    if found != PDF:
        raise FileError(f"{shown(path)} is an image; say image(…)", code="no-file-type")
    return found


def _image_type(path: str, stream: BinaryIO, found: str | None) -> str:
    if found is None or found == PDF:
        said = "a PDF document; say file(…)" if found else f"no {FORMATS} image"
        raise FileError(f"{shown(path)} is {said}", code="no-image")
    size = image_size(stream, found)
    if size is None:
        name = found.removeprefix("image/").upper()
        raise FileError(
            f"{shown(path)} begins like a {name} image, but has no whole header",
            code="no-image",
            hint="is it cut off? write the image again",
        )
    if 0 in size:
        raise FileError(f"{shown(path)} is an image of {size[0]} × {size[1]} pixels", code="no-image")
    return found


def _text(path: str, content: bytes) -> str:
    if not content:
        raise FileError(f"{shown(path)} is empty", code="no-text")
    try:
        return decode(content).replace("\r\n", "\n")
    except DecodingError as error:
        message = f"{shown(path)} is neither a PDF nor text: {error}"
        raise FileError(message, code="no-text", hint="models take PDF and UTF-8 text") from None


def _too_large(path: str, limit: int) -> FileError:
    size = f"{limit // 2**20} MB" if limit == LARGEST else "1 MB"
    return FileError(f"{shown(path)} is larger than {size}", code="too-large", hint="attach a smaller one")
