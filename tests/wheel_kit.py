"""The wheel as installers build it."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = "import sys, poetry.core.masonry.api as backend; print(backend.build_wheel(sys.argv[1]))"


def copy_sources(folder: Path) -> None:
    """Copy what the wheel is made of, so that building leaves nothing in the checkout."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("promptlab", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "pipeline.schema.json", folder / "docs")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the sources in a folder, into it."""
    subprocess.run([sys.executable, "-c", BUILD, folder], cwd=folder, capture_output=True, check=True)
    [wheel] = folder.glob("*.whl")
    return wheel
