"""The fuzzer for some thousand cases, and what its long runs (``python -m tests.fuzz.sms``) have found."""

import pytest

from tests.fuzz.sms.codecs import TARGETS
from tests.fuzz.sms.runs import Report, run


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_nothing_surprises_the_codecs(target: str) -> None:
    report = Report()
    run(1, 500, report, only=target)
    assert not report.defects, report.text()
    assert report.cases == {target: 500}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_million_cases_surprise_nobody() -> None:
    report = Report()
    run(1, 1_000_000, report)
    assert not report.defects, report.text()
