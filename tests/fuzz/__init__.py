"""Fuzzers: longer than a test, run by hand. Their short runs are among the unit tests."""
