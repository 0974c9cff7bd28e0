"""How the answers of a subject ended."""

from collections.abc import Iterator

from promptlab.engine.check import Subject
from promptlab.engine.finish_reasons import reason_of


def reasons_of(subject: Subject) -> Iterator[str]:
    """Give why each of the models asked ended its answer, those of inner steps among them."""
    for result in subject.results:
        for step in result.flat:
            if step.finish_reason is not None:
                yield reason_of(step.finish_reason)
