"""The prompts of checks that a model judges, one file a kind; `prompt:` at a check takes another."""
