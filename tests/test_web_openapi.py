"""The API against its own description: requests that it allows, and such that it does not."""

import pytest
from fastapi import FastAPI

from promptlab.main import create_app
from tests.cli_kit import ECHO, GREEN, write_project
from tests.serving_kit import server_settings, signed_in


@pytest.fixture(scope="module")
def described_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    root = tmp_path_factory.mktemp("described")
    write_project(root, echo=ECHO, green=GREEN)
    return create_app(server_settings(root, rate=1e6))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_the_api_does_what_it_says(described_app: FastAPI, mode: str) -> None:
    """
    Given the API's description of itself,
    when requests are made up that it allows, or that it does not,
    then none gives a 500, and each answer has a status, a type and a content that are described.
    """
    from tests.openapi_kit import hold  # noqa: PLC0415 - only this test pays for the import

    with signed_in(described_app) as client:
        hold(described_app, client, mode)
