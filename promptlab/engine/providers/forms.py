"""What may be attached for models that are known to take less than everything."""

import re

from promptlab.engine.conversation import ALL_FORMS, Form

TEXT_ONLY: frozenset[Form] = frozenset(("text",))
NO_DOCUMENTS = ALL_FORMS - {"document"}
_BY_PROVIDER: dict[str, frozenset[Form]] = {
    "deepseek": TEXT_ONLY,
    "groq": NO_DOCUMENTS,
    "ollama": NO_DOCUMENTS,
    "vllm": NO_DOCUMENTS,
    "llama.cpp": NO_DOCUMENTS,
    "lmstudio": NO_DOCUMENTS,
}
_TEXT_ONLY_OF_OPENAI = re.compile(r"gpt-3\.5|gpt-4(-0\d{3}|-32k.*)?$|o1-(mini|preview)|o3-mini")


def forms_taken(provider: str, model: str) -> frozenset[Form]:
    if provider == "openai" and _TEXT_ONLY_OF_OPENAI.match(model):
        return TEXT_ONLY
    return _BY_PROVIDER.get(provider, ALL_FORMS)
