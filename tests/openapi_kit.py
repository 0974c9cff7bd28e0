"""The API's description, and requests made up from it; to be imported late: Schemathesis takes a second."""

from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from tests.serving_kit import ADDRESS

type Operation = APIOperation[Any, Any, Any, Any]
type AnyCase = Case[Any]

EXAMPLES = 12
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def operations(app: FastAPI) -> Iterator[Operation]:
    """Give each operation that answers and ends: a stream of events does not."""
    found: Any
    for found in schemathesis.openapi.from_dict(app.openapi()).get_all_operations():
        operation = found.ok()
        if "event-stream" not in str(operation.definition.raw):
            yield operation


def hold(app: FastAPI, client: TestClient, mode: str) -> None:
    """Send what the description allows (`positive`) or forbids (`negative`), and hold the answers to it."""
    for operation in operations(app):
        _hold(operation, client, GenerationMode(mode))


def _hold(operation: Operation, client: TestClient, mode: GenerationMode) -> None:
    @BOUNDED
    @given(_cases(operation, mode))
    def answered(case: AnyCase) -> None:
        asked: Any = requests.Request(**case.as_transport_kwargs(base_url=ADDRESS)).prepare()
        answer = client.request(asked.method, asked.url, headers=dict(asked.headers), content=asked.body)
        case.validate_response(answer, checks=CHECKS)

    answered()


def _cases(operation: Operation, mode: GenerationMode) -> st.SearchStrategy[AnyCase]:
    if mode is GenerationMode.NEGATIVE and not (list(operation.iter_parameters()) or operation.body):
        return operation.as_strategy()
    return operation.as_strategy(generation_mode=mode)
