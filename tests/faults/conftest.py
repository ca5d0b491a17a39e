"""Faults are played on the stage of the scenarios."""

from tests.scenario.conftest import company, directory

__all__ = ["company", "directory"]
