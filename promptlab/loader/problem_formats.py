"""Problems as text for people, JSON, GitHub annotations and SARIF."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from urllib.parse import quote

from promptlab.core.json import JSON
from promptlab.loader.problems import Problem, Problems

__all__ = ["as_github", "as_json", "as_sarif", "as_text", "first_as_text"]

SHOWN = 100
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
TEXT_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY_ESCAPES = TEXT_ESCAPES | {":": "%3A", ",": "%2C"}


def as_text(problems: Problems) -> str:
    """One block a problem: ``file:line:col: error: message``, the line with a caret, the hint."""
    blocks = [_block(problem) for problem in problems]
    if problems.more:
        blocks.append(f"and {problems.more:,} more")
    return "\n".join(blocks)


def first_as_text(problems: Problems) -> str:
    """As ``as_text``, for who wants to run them: the first hundred, and how to see the others."""
    blocks = [_block(problem) for problem in islice(problems, SHOWN)]
    if len(problems) > SHOWN:
        blocks.append(f"and {len(problems) - SHOWN:,} more; promptlab validate lists them all")
    return "\n".join(blocks)


def as_json(problems: Problems) -> str:
    """One JSON document: ``{"problems": [...], "more": 0}``."""
    return json.dumps(
        {"problems": [asdict(problem) for problem in problems], "more": problems.more}, indent=2
    )


def as_github(problems: Problems) -> str:
    """Workflow commands that annotate the files of a pull request."""
    lines = [_annotation(problem) for problem in problems]
    if problems.more:
        lines.append(f"::notice title=promptlab::and {problems.more:,} more problems")
    return "\n".join(lines)


def as_sarif(problems: Problems) -> str:
    """A SARIF 2.1.0 log with one run."""
    codes = sorted({problem.code for problem in problems})
    driver: JSON = {"name": "promptlab", "rules": [{"id": code} for code in codes]}
    results: list[JSON] = [_result(problem) for problem in problems]
    run: dict[str, JSON] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if problems.more:
        note: JSON = {"level": "warning", "message": {"text": f"and {problems.more:,} more problems"}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _block(problem: Problem) -> str:
    lines = [f"{problem.file}:{problem.line}:{problem.column}: {problem.severity}: {problem.message}"]
    margin = " " * len(str(problem.line))
    if problem.snippet is not None:
        underline = " " * problem.caret + "^" * problem.width
        lines += [f"{problem.line} | {problem.snippet}", f"{margin} | {underline}"]
    if problem.hint is not None:
        lines.append(f"{margin} = help: {problem.hint}")
    return "\n".join(lines)


def _annotation(problem: Problem) -> str:
    message = problem.message if problem.hint is None else f"{problem.message}\n{problem.hint}"
    file, title = (_with(PROPERTY_ESCAPES, text) for text in (problem.file, f"promptlab {problem.code}"))
    place = f"file={file},line={problem.line},col={problem.column},title={title}"
    return f"::{problem.severity} {place}::{_with(TEXT_ESCAPES, message)}"


def _with(escapes: Mapping[str, str], text: str) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _result(problem: Problem) -> JSON:
    message = problem.message if problem.hint is None else f"{problem.message} ({problem.hint})"
    region: JSON = {"startLine": problem.line, "startColumn": problem.column}
    place: JSON = {"artifactLocation": {"uri": quote(problem.file)}, "region": region}
    return {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": place}],
    }
