"""A tool of a step: a function of the project, and what a model is told of it."""

from promptlab.core.frozen import frozen
from promptlab.engine.conversation import Tool
from promptlab.engine.function import Function


@frozen
class ProjectTool:
    function: Function
    offered: Tool

    @property
    def name(self) -> str:
        return self.offered.name
