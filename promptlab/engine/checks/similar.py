"""`similar`: whether an answer means what a reference means, as far as embeddings of words know."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.extras import Extra
from promptlab.engine.check import Finding, Subject
from promptlab.engine.checks.references import ReferenceCheck, hold_to

MOST_CHARACTERS = 100_000  # of the answer, and of all references: 50 ms each


class Similar(ReferenceCheck):
    """The cosine of the embeddings of answer and reference is at least `threshold`, 0.75 if not said.

    The value is a reference, or a list of which the nearest counts. A cosine below 0 is a score of 0.

    Embeddings are WordLlama's (256 numbers, English), which come with the extra `semantic`: nothing is asked
    of a model or downloaded, and the same texts have the same score everywhere. promptfoo asks an embedding
    model of OpenAI, whose cosines differ: try your threshold on examples. They are the mean of the words, so
    that their order counts for nothing, and a `not` for little.

    More than 100,000 characters are an error.
    """

    requires: ClassVar[Extra | None] = "semantic"
    measure: ClassVar[str] = "similarity"
    threshold: float = Field(default=0.75, ge=0, le=1)

    async def judge(self, subject: Subject) -> Finding:
        loading = _loading()
        if not loading.done():
            await asyncio.shield(asyncio.wrap_future(loading))
        return await super().judge(subject)

    def scored(self, text: str, references: Any) -> float:
        hold_to(MOST_CHARACTERS, len(text), "characters")
        embedded = _embedded(text)
        return max(float(_embedded(reference) @ embedded) for reference in references)


@lru_cache(maxsize=1000)
def _embedded(text: str) -> Any:
    """Give the embedding of a text, a vector of length 1 (0 for a text without a word)."""
    plain = text.encode("utf-8", "replace").decode()
    (vector,) = _loading().result().embed([plain], norm=True)
    return vector


@cache
def _loading() -> Future[Any]:
    """Begin to load the model, once; half a second, for which the loop must not stand still."""
    loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="promptlab-similar")
    try:
        return loader.submit(_model)
    finally:
        loader.shutdown(wait=False)


def _model() -> Any:
    import wordllama  # noqa: PLC0415 (an extra)

    here = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=here, disable_download=True)
