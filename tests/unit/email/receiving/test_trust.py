"""Whom a mail is believed to come from, and every way to pretend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.receiving.trust import Believed, Fields, Standing, judge

BELIEVED = Believed.of(
    ["mx.our.example"],
    ["gw.our.example", "inner.our.example"],
    ["X-Spam-Flag: yes", "X-Rspamd-Action: reject"],
)
OURS = ("Received", "from mx.our.example by gw.our.example with LMTP id 1; date")
BORDER = (
    "Received",
    "from far.example (far.example [192.0.2.1]) by mx.our.example (Postfix) with ESMTPS; date",
)
FAR = ("Received", "from laptop by far.example with ESMTPSA; date")


def results(text: str) -> tuple[str, str]:
    return "Authentication-Results", f"mx.our.example; {text}"


def standing(*fields: tuple[str, str], author: str | None = "carol@far.example") -> Standing:
    return judge(fields, author, BELIEVED).standing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dmarc=pass (p=reject dis=none) header.from=far.example", Standing.PROVEN),
        ("dmarc=pass", Standing.PROVEN),
        ("dkim=pass header.d=far.example header.s=x", Standing.PROVEN),
        ("dkim=pass header.i=@far.example", Standing.PROVEN),
        ("spf=pass smtp.mailfrom=bounce@far.example", Standing.PROVEN),
        ("spf=pass smtp.mailfrom=far.example", Standing.PROVEN),
        ("auth=pass smtp.auth=Carol@far.example", Standing.PROVEN),
        ("dkim=fail header.d=other.example; dkim=pass header.d=far.example", Standing.PROVEN),
        ("dkim=pass header.d=mail.far.example", Standing.UNPROVEN),  # a tenant of a name below
        ("dkim=pass header.d=example", Standing.UNPROVEN),
        ("dkim=pass header.d=evil.example", Standing.UNPROVEN),
        ("dkim=pass header.d=notfar.example", Standing.UNPROVEN),
        ("spf=pass smtp.mailfrom=carol@evil.example", Standing.UNPROVEN),
        ("spf=pass smtp.helo=far.example", Standing.UNPROVEN),
        ("dkim=temperror header.d=far.example", Standing.UNPROVEN),
        ("dmarc=temperror header.from=far.example", Standing.UNPROVEN),
        ("dmarc=none header.from=far.example; spf=softfail smtp.mailfrom=far.example", Standing.UNPROVEN),
        ("dmarc=pass header.from=evil.example", Standing.UNPROVEN),
        ("auth=pass smtp.auth=dan@far.example", Standing.UNPROVEN),
        ("arc=pass", Standing.UNPROVEN),
        ("none", Standing.UNPROVEN),
        ("dmarc=fail header.from=far.example", Standing.REFUTED),
        ("dmarc=fail header.from=far.example; spf=pass smtp.mailfrom=far.example", Standing.REFUTED),
    ],
)
def test_what_the_operators_server_found_is_about_the_author_or_about_nobody(
    text: str, expected: Standing
) -> None:
    assert standing(OURS, results(text), BORDER, FAR) is expected


def test_a_domain_vouches_for_what_is_below_it() -> None:
    good = results("dkim=pass header.d=far.example")
    assert standing(good, author="carol@mail.far.example") is Standing.PROVEN
    assert (
        standing(results("dkim=pass header.d=XN--MNCHEN-3YA.example"), author="a@münchen.example")
        is Standing.PROVEN
    )


def test_a_servers_field_may_stand_above_or_below_its_own_received() -> None:
    good = results("dmarc=pass header.from=far.example")
    assert standing(OURS, good, BORDER, FAR) is Standing.PROVEN
    assert standing(OURS, BORDER, good, FAR) is Standing.PROVEN
    inner = ("Received", "from mx.our.example (localhost [127.0.0.1]) by inner.our.example; date")
    assert standing(OURS, inner, BORDER, good, FAR) is Standing.PROVEN


@pytest.mark.parametrize(
    "fields",
    [
        (OURS, BORDER, FAR, results("dmarc=pass header.from=far.example")),
        (OURS, BORDER, ("Authentication-Results", "mx.far.example; dmarc=pass header.from=far.example")),
        (OURS, BORDER, ("Authentication-Results", "mx.our.example.evil.example; dmarc=pass")),
        (
            OURS,
            results("dmarc=none header.from=far.example"),
            BORDER,
            results("dmarc=pass header.from=far.example"),
        ),
        (OURS, ("Received", "from x (by mx.our.example) by evil.example; date"), results("dmarc=pass")),
        (OURS, ("Received", "from x; date"), results("dmarc=pass")),
        (("Received", "garbage"), results("dmarc=pass")),
        (OURS, ("X-Authentication-Results", "mx.our.example; dmarc=pass")),
        (OURS, ("Authentication-Results", "mx.our.example dmarc=pass")),
        (OURS, ("Authentication-Results", "mx.our.example; dmarc=pass;;;")),
        (OURS, ("Authentication-Results", "mx.our.example; dmarc=pass " + "(" * 100)),
        (OURS, ("Authentication-Results", "mx.our.example; dmarc=pass " + "x" * 10_000)),
    ],
)
def test_a_forged_field_is_not_believed(fields: Fields) -> None:
    assert judge(fields, "carol@far.example", BELIEVED).standing is Standing.UNPROVEN


@pytest.mark.parametrize(
    "author", [None, "", "carol", "Carol <carol@far.example>", '"a b"@far.example', "a@[192.0.2.1]"]
)
def test_without_one_clear_author_nothing_is_proven(author: str | None) -> None:
    assert standing(results("dmarc=pass header.from=far.example"), author=author) is Standing.REFUTED


def test_where_nobody_is_named_nobody_is_believed() -> None:
    trust = judge([results("dmarc=pass")], "carol@far.example", Believed())
    assert trust.standing is Standing.UNPROVEN
    assert "does not check" in trust.reason


@pytest.mark.parametrize(
    ("text", "enforcing"),
    [
        ("dmarc=pass (p=reject dis=none) header.from=far.example", True),
        ("dmarc=fail policy.dmarc=quarantine header.from=far.example", True),
        ("dmarc=pass policy.published-domain-policy=reject header.from=far.example", True),
        ("dmarc=pass (p=none) header.from=far.example", False),
        ("spf=pass (p=reject) smtp.mailfrom=far.example", False),
    ],
)
def test_a_policy_that_is_seen_is_known(text: str, enforcing: bool) -> None:
    assert judge([results(text)], "carol@far.example", BELIEVED).enforcing is enforcing


@pytest.mark.parametrize(
    ("field", "spam"),
    [
        (("X-Spam-Flag", "YES"), "x-spam-flag"),
        (("x-rspamd-action", " reject "), "x-rspamd-action"),
        (("X-Spam-Flag", "NO"), ""),
        (("X-Other", "YES"), ""),
    ],
)
def test_a_mark_of_spam_is_seen_wherever_it_stands(field: tuple[str, str], spam: str) -> None:
    assert judge([OURS, FAR, field], "carol@far.example", BELIEVED).spam == spam


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Authentication-Results", "Received", "X-Spam-Flag", "Subject"]),
            st.text(max_size=60)
            | st.builds(
                "mx.our.example; {}={} {}".format,
                st.text(max_size=8),
                st.text(max_size=8),
                st.text(max_size=30),
            )
            | st.builds("mx.our.example;{}".format, st.text('()\\"=;. ad', max_size=60)),
        ),
        max_size=6,
    )
)
def test_nothing_that_is_written_breaks_the_judgement(fields: list[tuple[str, str]]) -> None:
    assert judge(fields, "carol@far.example", BELIEVED).standing in Standing
