"""Providers that are spoken to over HTTP: one engine, and a description of each provider as data (``presets/``)."""
