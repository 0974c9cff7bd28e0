"""Runs pipelines: two chains of handlers, a plan and a runner."""
