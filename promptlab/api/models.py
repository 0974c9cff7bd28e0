"""Models: the providers that steps may name, and whether they can be asked."""

from dataclasses import asdict, replace

from fastapi import APIRouter
from starlette.responses import Response

from promptlab.api.answers import answered
from promptlab.core.display import masked
from promptlab.engine.providers.overview import ProviderFacts, provider_facts
from promptlab.live.serving.pipelines import PipelinesDep
from promptlab.schemas.api.models import ProviderAnswer, ProviderList

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", response_model=ProviderList)
def list_models(pipelines: PipelinesDep) -> Response:
    """List providers: where they are, whether their key is set, whether their prices are known."""
    facts = provider_facts(pipelines.project.settings)
    return answered(ProviderList(providers=[_answer(fact) for fact in facts]))


def _answer(fact: ProviderFacts) -> ProviderAnswer:
    address = None if fact.address is None else masked(fact.address)
    return ProviderAnswer.model_validate(asdict(replace(fact, address=address)))
