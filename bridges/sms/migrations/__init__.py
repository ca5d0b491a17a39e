"""How a database gets the tables of the SMS bridge, step by step; ``METADATA`` is where they end today."""

from bridges.sms.migrations import m0001_first
from bridges.sms.schema import METADATA
from bridges.sms.sending.settling import settle
from gateway.bridge import Migration, Schema

SCHEMA = Schema(
    METADATA,
    (Migration(1, "first tables", m0001_first.apply),),
    secrets=frozenset({("sms_phones", "code")}),
    settle=settle,
)
