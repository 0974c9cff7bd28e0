"""Which promptlab this is."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """Give the installed version; `unknown` in a checkout that was not installed."""
    try:
        return version("promptlab-pipelines")
    except PackageNotFoundError:
        return "unknown"
