"""Frozen values that cross the boundaries between layers."""
