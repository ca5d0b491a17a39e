"""The fuzzer of callbacks for some hundred cases; its long runs are ``python -m tests.fuzz.sms_webhooks``."""

from tests.fuzz.sms.runs import Report
from tests.fuzz.sms_webhooks import run


async def test_callbacks_made_worse_are_read_or_refused_and_never_taken_for_others():
    found = Report()
    await run(20261121, 660, found)
    assert not found.defects, found.text()
