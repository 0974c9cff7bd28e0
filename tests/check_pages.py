"""Writes docs/checks: a page for each type of check, of its docstring, its options and its example."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import PydanticUndefined

from promptlab.core.extras import install_command
from promptlab.engine.catalog import CHECKS
from promptlab.engine.check import Check
from promptlab.engine.judged import JudgedCheck, built_in

FOLDER = Path(__file__).parent.parent / "docs" / "checks"
EXAMPLES = FOLDER / "examples.yaml"
FAMILIES = {
    "Text": """
        equals contains icontains contains-all contains-any icontains-all icontains-any starts-with ends-with
        regex word-count levenshtein similar""",
    "Structure": """
        is-json contains-json is-xml contains-xml is-html contains-html is-sql contains-sql is-yaml
        is-refusal""",
    "Tools and the course of a trial": """
        is-valid-function-call is-valid-openai-function-call is-valid-openai-tools-call tool-call-f1
        tools-called tool-args-match turns finish-reason""",
    "Text metrics": "rouge-n rouge-l bleu gleu meteor chrf perplexity perplexity-score",
    "Cost and time": "cost latency",
    "Judged by a model": """
        llm-rubric g-eval factuality closed-qa answer-relevance context-recall context-relevance
        context-faithfulness""",
    "Code and groups": "python expression all-of any-of k-of-n",
}


def pages() -> dict[str, str]:
    """Give the text of each file of the folder that is made, by its name."""
    examples = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    made = {f"{name}.md": "\n".join(_page(name, examples[name])) for name in CHECKS.names()}
    return {"README.md": "\n".join(_index()), **made}


def _index() -> Iterator[str]:
    yield "# Checks\n"
    yield "A page a type; [the language](../language.md#checks) says what all share. Any type takes `not-`.\n"
    for family, names in FAMILIES.items():
        links = (f"[`{name}`]({name}.md)" for name in names.split() if name in CHECKS)
        yield f"**{family}**: {' · '.join(links)}\n"


def _page(name: str, example: Mapping[str, Any]) -> Iterator[str]:
    kind = CHECKS.get(name)
    yield f"# {name}\n"
    yield "\n".join(line.strip() for line in (kind.__doc__ or "").strip().split("\n")) + "\n"
    if kind.requires is not None:
        yield f"It needs an extra: `{install_command(kind.requires)}`.\n"
    yield from _options(kind)
    yield from _example(example)
    if issubclass(kind, JudgedCheck):
        yield "## Prompt\n\nWhat the judge is asked, unless `prompt` names a template of yours:\n"
        yield f"```text\n{built_in(name).template.source.strip()}\n```\n"
    yield "[All checks](README.md) · [what they share](../language.md#checks)\n"


def _options(kind: type[Check]) -> Iterator[str]:
    """Give the options that the type has beside those of all checks."""
    shared = Check.model_fields
    own = {
        field.alias or key: field.default
        for key, field in kind.model_fields.items()
        if key not in shared or (key == "threshold" and field.default != shared[key].default)
    }
    if own:
        yield "| option | default |\n| --- | --- |"
        yield from (f"| `{key}` | {_default(key, value)} |" for key, value in own.items())
        yield ""


def _default(key: str, value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if key == "prompt":
        return "promptlab's own, below"
    return "none" if value is None else f"`{json.dumps(value)}`"


def _example(example: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Example\n\n```yaml\nchecks:\n  - {_flow(example['check'])}\n```\n"
    for title, key in (("Passes", "passes"), ("Fails", "fails")):
        if key in example:
            yield f"{title}:\n\n```json\n{json.dumps(example[key], ensure_ascii=False)}\n```\n"
    if "said" in example:
        said = "\n".join(json.dumps(one) for one in example["said"])
        yield f"if the judge says of the two:\n\n```json\n{said}\n```\n"


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()


def main() -> None:
    """Write the pages; with --check only say which are old, and exit with 1 if any is."""
    made = pages()
    if "--check" in sys.argv:
        old = [name for name, text in made.items() if _text(FOLDER / name) != text]
        sys.exit(f"old: {', '.join(old)}; `make pages` writes them" if old else 0)
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
