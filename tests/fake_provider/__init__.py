"""A provider for tests: a real HTTP server that answers, fails and keeps a journal as it is told."""

from .options import Options
from .server import FakeServer

__all__ = ["FakeServer", "Options"]
