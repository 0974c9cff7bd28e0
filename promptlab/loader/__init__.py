"""Reads a project: pipelines, prompts and data, with all their problems at once."""
