"""Watching a project: what changed, when it is whole, what it makes of the pipelines, and their next run."""
