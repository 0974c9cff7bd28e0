"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest

from tests.fakes import FakeProvider, fake_provider_process


@pytest.fixture(scope="session")
def fake_provider_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    """One process for all tests of a worker."""
    with fake_provider_process(tmp_path_factory.mktemp("fake-provider")) as provider:
        yield provider


@pytest.fixture
def fake_provider(fake_provider_of_session: FakeProvider) -> FakeProvider:
    """A fake provider as if newly started, with a journal of its own."""
    fake_provider_of_session.reset()
    return fake_provider_of_session
