"""All kinds that the engine knows, in three literal tables; a new kind is one file and one line here."""

from typing import TYPE_CHECKING, Any

from promptlab.core.registry import Registry

if TYPE_CHECKING:
    from promptlab.engine.check import Check
    from promptlab.engine.step import Step

STEPS: Registry["type[Step]"] = Registry(
    "kind of step",
    {
        "prompt": "promptlab.engine.steps.prompt:PromptStep",
        "messages": "promptlab.engine.steps.messages:MessagesStep",
        "python": "promptlab.engine.steps.python:PythonStep",
    },
    group="promptlab.steps",
)

CHECKS: Registry["type[Check]"] = Registry(
    "check",
    {
        "equals": "promptlab.engine.checks.text:Equals",
    },
    group="promptlab.checks",
)

PROVIDERS: Registry[Any] = Registry(
    "type of provider",
    {
        "openai": "promptlab.engine.providers.openai:OpenAIProvider",
        "anthropic": "promptlab.engine.providers.anthropic:AnthropicProvider",
        "local": "promptlab.engine.providers.local:LocalProvider",
        "echo": "promptlab.engine.providers.echo:EchoProvider",
    },
    group="promptlab.providers",
)
