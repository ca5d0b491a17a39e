"""How a database gets the tables of the email bridge, step by step; ``METADATA`` is where they end today."""

from bridges.email.migrations import m0001_first, m0002_filings
from bridges.email.schema import METADATA
from bridges.email.settling import named_files, settle
from gateway.bridge import Migration, Schema

SCHEMA = Schema(
    METADATA,
    (
        Migration(1, "first tables", m0001_first.apply),
        Migration(2, "sent mails to be kept elsewhere", m0002_filings.apply),
    ),
    files=named_files,
    settle=settle,
)
