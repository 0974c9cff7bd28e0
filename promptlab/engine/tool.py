"""A tool of a step: a function of the project, and what a model is told of it."""

from dataclasses import dataclass

from promptlab.engine.conversation import Tool
from promptlab.engine.function import Function


@dataclass(frozen=True, slots=True)
class ProjectTool:
    function: Function
    offered: Tool

    @property
    def name(self) -> str:
        return self.offered.name
