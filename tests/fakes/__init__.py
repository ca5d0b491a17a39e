"""Scripted peers that run inside the test's own loop."""
