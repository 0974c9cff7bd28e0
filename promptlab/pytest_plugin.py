"""`pytest --promptlab pipelines/`: pipelines as tests. Without that flag it imports and does nothing."""

import pytest

MODES = ("replay", "record", "live")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("promptlab", "prompt pipelines as tests (LLM Prompt Lab)")
    group.addoption(
        "--promptlab",
        action="store_true",
        help="collect pipelines: an item for each row in each variant, and one for the gates",
    )
    group.addoption(
        "--promptlab-mode",
        choices=MODES,
        default=MODES[0],
        help="replay (default): recordings alone, no call; live: calls models; record: writes what it used",
    )
    group.addoption(
        "--promptlab-since", metavar="REF", help="only rows and variants that a change since REF touches"
    )
    group.addoption(
        "--promptlab-no-python",
        action="store_true",
        help="do not run the project's python; steps are replayed, checks in python refused",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--promptlab"):
        return
    from promptlab.testing.plugin import PipelineTests  # noqa: PLC0415 - only where it was asked for

    config.pluginmanager.register(PipelineTests(config), "promptlab-tests")
