"""Runs that live in a server: each in a process of its own, within what a session may spend."""
