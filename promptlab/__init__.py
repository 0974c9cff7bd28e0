"""LLM Prompt Lab: declarative prompt pipelines, run incrementally, checked, logged and compared."""
