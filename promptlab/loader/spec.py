"""From the document of a pipeline, or of one of its cells, to what it says."""

from pydantic import ValidationError

from promptlab.loader import diagnosis
from promptlab.loader.ambiguity import refuse_ambiguous
from promptlab.loader.document import Document
from promptlab.loader.problems import Problems
from promptlab.loader.pruning import pruned
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
        places = diagnosis.report(error, document, problems, PipelineSpec)
    try:
        return PipelineSpec.model_validate(pruned({"version": 1, **kept}, places), context=context)
    except ValidationError:
        return None
