"""Reports: one file a format, one table. A report is a function from a RunReport to pieces of text."""

from promptlab.core.registry import Registry
from promptlab.reports.base import Report

REPORTS: Registry[Report] = Registry(
    "format of report",
    {
        "junit": "promptlab.reports.junit:report",
        "markdown": "promptlab.reports.markdown:report",
        "html": "promptlab.reports.html:report",
        "json": "promptlab.reports.json:report",
        "jsonl": "promptlab.reports.jsonl:report",
        "csv": "promptlab.reports.csv:report",
        "github": "promptlab.reports.github:report",
    },
    group="promptlab.reports",
)

SUFFIXES = {
    ".xml": "junit",
    ".md": "markdown",
    ".html": "html",
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
}
