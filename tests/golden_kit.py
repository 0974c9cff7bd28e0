"""Golden files: what a test found the last time that somebody looked at it; `--update-golden` writes them."""

import json
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Golden:
    folder: Path
    update: bool = False

    def holds(self, name: str, found: Any) -> None:
        """Fail, with the lines that differ, unless the golden file says the same; or write it."""
        path = self.folder / f"{name}.json"
        text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        said = path.read_text() if path.exists() else ""
        if said != text:
            lines = unified_diff(
                said.splitlines(), text.splitlines(), f"golden/{name}.json", "sent", lineterm=""
            )
            pytest.fail("\n".join((*lines, "as it should be? pytest --update-golden")), pytrace=False)
