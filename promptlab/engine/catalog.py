"""All kinds that the engine knows, in four literal tables; a new kind is one file and one line here."""

from typing import TYPE_CHECKING, Any

from promptlab.core.registry import Registry

if TYPE_CHECKING:
    from promptlab.engine.check import Check
    from promptlab.engine.metric import Metric
    from promptlab.engine.step import Step

STEPS: Registry["type[Step]"] = Registry(
    "kind of step",
    {
        "prompt": "promptlab.engine.steps.prompt:PromptStep",
        "messages": "promptlab.engine.steps.messages:MessagesStep",
        "python": "promptlab.engine.steps.python:PythonStep",
        "http": "promptlab.engine.steps.http:HttpStep",
        "pipeline": "promptlab.engine.steps.pipeline:PipelineStep",
        "foreach": "promptlab.engine.steps.foreach:ForeachStep",
    },
    group="promptlab.steps",
)

CHECKS: Registry["type[Check]"] = Registry(
    "check",
    {
        "equals": "promptlab.engine.checks.equals:Equals",
        "contains": "promptlab.engine.checks.text:Contains",
        "icontains": "promptlab.engine.checks.text:IContains",
        "starts-with": "promptlab.engine.checks.text:StartsWith",
        "ends-with": "promptlab.engine.checks.text:EndsWith",
        "contains-all": "promptlab.engine.checks.text_lists:ContainsAll",
        "contains-any": "promptlab.engine.checks.text_lists:ContainsAny",
        "icontains-all": "promptlab.engine.checks.text_lists:IContainsAll",
        "icontains-any": "promptlab.engine.checks.text_lists:IContainsAny",
        "regex": "promptlab.engine.checks.pattern:Regex",
        "word-count": "promptlab.engine.checks.word_count:WordCount",
        "levenshtein": "promptlab.engine.checks.levenshtein:Levenshtein",
        "similar": "promptlab.engine.checks.similar:Similar",
        "is-json": "promptlab.engine.checks.json_text:IsJson",
        "contains-json": "promptlab.engine.checks.json_text:ContainsJson",
        "is-xml": "promptlab.engine.checks.xml_text:IsXml",
        "contains-xml": "promptlab.engine.checks.xml_text:ContainsXml",
        "is-html": "promptlab.engine.checks.html_text:IsHtml",
        "contains-html": "promptlab.engine.checks.html_text:ContainsHtml",
        "is-sql": "promptlab.engine.checks.sql_text:IsSql",
        "contains-sql": "promptlab.engine.checks.sql_text:ContainsSql",
        "is-yaml": "promptlab.engine.checks.yaml_text:IsYaml",
        "is-refusal": "promptlab.engine.checks.refusal:IsRefusal",
        "finish-reason": "promptlab.engine.checks.finish_reason:FinishReason",
        "is-valid-function-call": "promptlab.engine.checks.valid_calls:IsValidFunctionCall",
        "is-valid-openai-function-call": "promptlab.engine.checks.valid_calls:IsValidOpenAIFunctionCall",
        "is-valid-openai-tools-call": "promptlab.engine.checks.valid_calls:IsValidOpenAIToolsCall",
        "tool-call-f1": "promptlab.engine.checks.tool_names:ToolCallF1",
        "tools-called": "promptlab.engine.checks.tool_names:ToolsCalled",
        "tool-args-match": "promptlab.engine.checks.tool_args:ToolArgsMatch",
        "turns": "promptlab.engine.checks.turns:Turns",
        "rouge-n": "promptlab.engine.checks.rouge:RougeN",
        "rouge-l": "promptlab.engine.checks.rouge:RougeL",
        "bleu": "promptlab.engine.checks.bleu:Bleu",
        "gleu": "promptlab.engine.checks.bleu:Gleu",
        "meteor": "promptlab.engine.checks.meteor:Meteor",
        "chrf": "promptlab.engine.checks.chrf:Chrf",
        "perplexity": "promptlab.engine.checks.perplexity:Perplexity",
        "perplexity-score": "promptlab.engine.checks.perplexity:PerplexityScore",
        "cost": "promptlab.engine.checks.spending:Cost",
        "latency": "promptlab.engine.checks.spending:Latency",
        "llm-rubric": "promptlab.engine.checks.rubric:LlmRubric",
        "g-eval": "promptlab.engine.checks.g_eval:GEval",
        "factuality": "promptlab.engine.checks.factuality:Factuality",
        "closed-qa": "promptlab.engine.checks.rubric:ClosedQa",
        "answer-relevance": "promptlab.engine.checks.statements:AnswerRelevance",
        "context-recall": "promptlab.engine.checks.statements:ContextRecall",
        "context-relevance": "promptlab.engine.checks.statements:ContextRelevance",
        "context-faithfulness": "promptlab.engine.checks.statements:ContextFaithfulness",
        "python": "promptlab.engine.checks.python:PythonCheck",
        "expression": "promptlab.engine.checks.expression:ExpressionCheck",
        "all-of": "promptlab.engine.checks.groups:AllOf",
        "any-of": "promptlab.engine.checks.groups:AnyOf",
        "k-of-n": "promptlab.engine.checks.groups:KOfN",
    },
    group="promptlab.checks",
)

METRICS: Registry["type[Metric]"] = Registry(
    "metric",
    {
        "classification": "promptlab.engine.metrics.classification:Classification",
        "python": "promptlab.engine.metrics.python:PythonMetric",
        "value": "promptlab.engine.metrics.derived:DerivedMetric",
    },
    group="promptlab.metrics",
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
