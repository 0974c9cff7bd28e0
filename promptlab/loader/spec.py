"""From the document of a pipeline, or of one of its cells, to what it says."""

from pydantic import ValidationError

from promptlab.core.json import JSON
from promptlab.loader.ambiguity import refuse_ambiguous
from promptlab.loader.document import Document
from promptlab.loader.problems import Problems
from promptlab.schemas.fields import Resolver
from promptlab.schemas.pipeline import PipelineSpec

NOT_IN_CELLS = ("variants", "matrix")


def read_spec(document: Document, resolver: Resolver, problems: Problems) -> PipelineSpec | None:
    """Give what it says without what is wrong in it, so that all else can be held to the names there are.

    None where there is nothing to go on with.
    """
    refuse_ambiguous(document, problems)
    value = document.value
    kept = {key: item for key, item in value.items() if key not in NOT_IN_CELLS}  # type: ignore[union-attr]
    context = {"resolver": resolver}
    try:
        return PipelineSpec.model_validate(kept, context=context)
    except ValidationError as error:
        sound = _sound(kept, error, document, problems)
    try:
        return PipelineSpec.model_validate(sound, context=context)
    except ValidationError:
        return None


def _sound(said: dict[str, JSON], error: ValidationError, document: Document, problems: Problems) -> JSON:
    """Report what is wrong, and give the rest."""
    from promptlab.loader import diagnosis, pruning  # noqa: PLC0415 - most pipelines are right

    places = diagnosis.report(error, document, problems, PipelineSpec)
    return pruning.pruned({"version": 1, **said}, places)
