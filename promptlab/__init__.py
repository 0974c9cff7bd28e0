"""LLM Prompt Lab: declarative prompt pipelines, run incrementally, checked, logged and compared.

From Python: `load`, `validate`, `run` and `resume`. Nothing is imported until it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlab.library import (
        InvalidPipeline,
        LoadedPipeline,
        Problem,
        PromptlabError,
        RunReport,
        RunSummary,
        TrialResult,
        load,
        resume,
        resume_async,
        run,
        run_async,
        validate,
    )

__all__ = [
    "InvalidPipeline",
    "LoadedPipeline",
    "Problem",
    "PromptlabError",
    "RunReport",
    "RunSummary",
    "TrialResult",
    "load",
    "resume",
    "resume_async",
    "run",
    "run_async",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'promptlab' has no attribute '{name}'")
    from promptlab import library  # noqa: PLC0415

    return getattr(library, name)
