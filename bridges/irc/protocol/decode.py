"""Bytes and text: UTF-8 first, else a fallback encoding. Never raises."""


def decode(data: bytes, fallback: str = "cp1252") -> str:
    """``data`` as text."""
    raise NotImplementedError


def encode(text: str, encoding: str = "utf-8") -> bytes:
    """``text`` for the wire; what ``encoding`` cannot express becomes ``?``."""
    raise NotImplementedError
