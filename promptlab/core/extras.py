"""The extras of the package: libraries that are installed only where they are asked for."""

from importlib.util import find_spec
from typing import Literal

type Extra = Literal["local", "metrics", "parquet", "postgres", "semantic", "sql"]

MODULES: dict[Extra, tuple[str, ...]] = {
    "local": ("xllamacpp",),
    "metrics": ("rapidfuzz", "sacrebleu"),
    "parquet": ("polars",),
    "postgres": ("psycopg",),
    "semantic": ("wordllama",),
    "sql": ("sqlglot",),
}


def is_installed(extra: Extra) -> bool:
    """Look for the modules of an extra; imports none of them."""
    return all(find_spec(module) is not None for module in MODULES[extra])


def needs(what: str, extra: Extra) -> str:
    """Say that `what` cannot be had without an extra."""
    return f"{what} needs the extra `{extra}`"


def install_command(extra: Extra) -> str:
    return f"pip install 'promptlab-pipelines[{extra}]'"
