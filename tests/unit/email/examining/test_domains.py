"""What the doctor says of a mail domain, by what a name server of our own answers."""

from collections.abc import Mapping, Sequence

import pytest

from bridges.email.examining import domains
from bridges.email.examining.domains import Sending
from bridges.email.examining.names import Dns, NoAnswer
from gateway.bridge import Finding, Verdict
from gateway.playground.process import free_ports
from tests.fakes.dns import Zone, name_server

HERE = "8.8.4.4"  # any that is nobody's private one
SENDING = Sending("mail.org", (HERE,), "mx.mail.org")
WELL: dict[str, dict[str, Sequence[str | Sequence[str]]]] = {
    "mail.org": {"MX": ["10 mx.mail.org"], "TXT": ["v=spf1 mx -all", "some other text"]},
    "mx.mail.org": {"A": [HERE]},
    "k1._domainkey.mail.org": {"TXT": ["v=DKIM1; p=MII"]},
    "_dmarc.mail.org": {"TXT": ["v=DMARC1; p=reject"]},
    "4.4.8.8.in-addr.arpa": {"PTR": ["mx.mail.org"]},
}


async def told(zone: Zone, sending: Sending = SENDING, name: str = "mail.org") -> Mapping[str, Finding]:
    async with name_server(zone) as server:
        names = Dns(["127.0.0.1"], server.port)
        try:
            found = [*await domains.domain(names, name, sending), *await domains.pointer(names, sending)]
        finally:
            await names.close()
    assert len({each.subject for each in found}) == len(found)
    return {each.subject: each for each in found}


def less(*names: str) -> Zone:
    return {name: records for name, records in WELL.items() if name not in names}


async def test_a_domain_that_is_well_is_said_to_be() -> None:
    found = await told(WELL)
    assert set(found) == {
        "mx of mail.org",
        "spf of mail.org",
        "dkim of mail.org",
        "dmarc of mail.org",
        "name of the mail server",
    }
    assert {each.verdict for each in found.values()} == {Verdict.OK}


# -- MX ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "verdict", "says"),
    [
        ({}, Verdict.FAIL, "no MX record, so no mail comes in"),
        ({"A": [HERE]}, Verdict.NOTE, "the address of its name itself"),
        ({"MX": ["0 "]}, Verdict.FAIL, "takes no mail at all"),
        ({"MX": ["10 gone.mail.org"]}, Verdict.FAIL, "no address for gone.mail.org"),
        ({"MX": ["10 mx.mail.org", "20 gone.mail.org"]}, Verdict.NOTE, "no address for gone.mail.org"),
    ],
)
async def test_where_mail_for_a_domain_goes(
    records: Mapping[str, Sequence[str]], verdict: Verdict, says: str
) -> None:
    finding = (await told({**WELL, "mail.org": records}))["mx of mail.org"]
    assert finding.verdict is verdict
    assert says in finding.text
    assert finding.where == "DNS zone of mail.org"
    assert finding.fix


# -- SPF -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "verdict", "says"),
    [
        ("v=spf1 ip4:8.8.4.0/24 -all", Verdict.OK, "lets 8.8.4.4 send"),
        ("v=spf1 a:mx.mail.org ~all", Verdict.OK, "lets 8.8.4.4 send"),
        ("v=spf1 a:mx.mail.org/28 ~all", Verdict.OK, "lets 8.8.4.4 send"),
        ("v=spf1 include:_spf.mail.org -all", Verdict.OK, "lets 8.8.4.4 send"),
        ("v=spf1 redirect=_spf.mail.org", Verdict.OK, "lets 8.8.4.4 send"),
        ("v=spf1 +all", Verdict.NOTE, "the whole world"),
        ("v=spf1 ip4:192.0.2.1 -all", Verdict.NOTE, "does not let 8.8.4.4 send (fail)"),
        ("v=spf1 ip6:2001:db8::/32 ~all", Verdict.NOTE, "(softfail)"),
        ("v=spf1", Verdict.NOTE, "(neutral)"),
        ("v=spf1 -ip4:8.8.4.4 +all", Verdict.NOTE, "(fail)"),
        ("v=spf1 exists:%{i}.mail.org -all", Verdict.UNKNOWN, "depends on the mail"),
        ("v=spf1 ipv4:8.8.4.4 -all", Verdict.FAIL, "nobody knows the word"),
        ("v=spf1 ip4:8.8.4.400 -all", Verdict.FAIL, "is no address"),
        ("v=spf1 include:none.mail.org -all", Verdict.FAIL, "has no SPF record"),
        ("v=spf1 redirect=none.mail.org", Verdict.FAIL, "has no SPF record"),
        ("v=spf1 include:round.mail.org -all", Verdict.FAIL, "more than 10 look-ups"),
    ],
)
async def test_what_spf_says_of_our_address(record: str, verdict: Verdict, says: str) -> None:
    zone = {
        **WELL,
        "mail.org": {"MX": ["10 mx.mail.org"], "TXT": [record]},
        "_spf.mail.org": {"TXT": [["v=spf1 ip4:8.8.", "4.4 -all"]]},
        "round.mail.org": {"TXT": ["v=spf1 include:round.mail.org -all"]},
    }
    finding = (await told(zone))["spf of mail.org"]
    assert (finding.verdict, says in finding.text) == (verdict, True), finding.text


async def test_a_record_that_does_not_let_us_comes_with_one_that_does() -> None:
    zone = {**WELL, "mail.org": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    fix = (await told(zone))["spf of mail.org"].fix
    assert fix == 'mail.org. IN TXT "v=spf1 ip4:192.0.2.1 ip4:8.8.4.4 -all"'
    record = fix.partition('"')[2].rstrip('"')
    zone["mail.org"] = {"TXT": [record]}
    assert (await told(zone))["spf of mail.org"].verdict is Verdict.OK


async def test_two_records_are_worth_nothing_and_none_is_a_failure() -> None:
    zone = {**WELL, "mail.org": {"TXT": ["v=spf1 -all", "v=spf1 +all"]}}
    assert (await told(zone))["spf of mail.org"].verdict is Verdict.FAIL
    finding = (await told({**WELL, "mail.org": {}}))["spf of mail.org"]
    assert finding.verdict is Verdict.FAIL
    assert finding.fix == 'mail.org. IN TXT "v=spf1 mx ip4:8.8.4.4 ~all"'


async def test_behind_a_translation_of_addresses_nobody_knows() -> None:
    found = await told(WELL, Sending("mail.org", ("10.0.0.5",), "mx.mail.org"))
    assert found["spf of mail.org"].verdict is Verdict.UNKNOWN
    assert "name of the mail server" not in found


async def test_every_address_of_ours_has_to_be_let() -> None:
    both = Sending("mail.org", (HERE, "2a00:1450:4001::1"), "mx.mail.org")
    finding = (await told(WELL, both))["spf of mail.org"]
    assert finding.verdict is Verdict.NOTE
    assert finding.fix == 'mail.org. IN TXT "v=spf1 mx ip6:2a00:1450:4001::1 -all"'


async def test_of_a_provider_only_its_operator_knows_from_where_it_sends() -> None:
    sending = Sending("mail.org", ("8.8.8.8",), "smtp.provider.net", ours=False)
    found = await told(WELL, sending)
    assert found["spf of mail.org"].verdict is Verdict.UNKNOWN
    assert "include:" in found["spf of mail.org"].text
    assert "name of the mail server" not in found
    named = Sending("mail.org", (HERE,), "smtp.provider.net", ours=False)
    assert (await told(WELL, named))["spf of mail.org"].verdict is Verdict.OK


async def test_spf_is_looked_at_where_return_addresses_are() -> None:
    found = await told(WELL, Sending("bounces.mail.org", (HERE,), "mx.mail.org"))
    assert "spf of mail.org" not in found


# -- DKIM, DMARC, PTR ----------------------------------------------------------------------------------------------------


async def test_a_domain_without_keys_is_told_to_sign() -> None:
    finding = (await told(less("k1._domainkey.mail.org")))["dkim of mail.org"]
    assert finding.verdict is Verdict.NOTE
    assert "nothing else can prove them" not in finding.text
    elsewhere = Sending("bounces.mail.org", (HERE,), "mx.mail.org")
    finding = (await told(less("k1._domainkey.mail.org"), elsewhere))["dkim of mail.org"]
    assert "their return addresses are of bounces.mail.org" in finding.text


async def test_a_policy_above_the_domain_counts_for_it() -> None:
    zone = {**WELL, "_dmarc.mail.org": {"TXT": ["v=DMARC1; p=none; sp=quarantine"]}}
    assert "p=none" in (await told(zone))["dmarc of mail.org"].text
    zone["sub.mail.org"] = {}
    finding = (await told(zone, name="sub.mail.org"))["dmarc of sub.mail.org"]
    assert "lands among the spam" in finding.text


async def test_no_policy_comes_with_one_and_two_are_none() -> None:
    finding = (await told(less("_dmarc.mail.org")))["dmarc of mail.org"]
    assert finding.verdict is Verdict.NOTE
    assert finding.fix.startswith('_dmarc.mail.org. IN TXT "v=DMARC1; p=none;')
    two = {**WELL, "_dmarc.mail.org": {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}}
    assert (await told(two))["dmarc of mail.org"].verdict is Verdict.FAIL


async def test_the_address_has_to_be_called_by_a_name_that_has_it() -> None:
    finding = (await told(less("4.4.8.8.in-addr.arpa")))["name of the mail server"]
    assert finding.verdict is Verdict.NOTE
    assert "has no name" in finding.text
    assert finding.fix == "4.4.8.8.in-addr.arpa. IN PTR mx.mail.org."
    other = {**WELL, "4.4.8.8.in-addr.arpa": {"PTR": ["dsl-4711.provider.net"]}}
    assert "which does not have that address" in (await told(other))["name of the mail server"].text


# -- no DNS --------------------------------------------------------------------------------------------------------------


async def test_without_a_name_server_nothing_is_known_and_that_is_said() -> None:
    (port,) = free_ports(1)
    names = Dns(["127.0.0.1"], port)
    try:
        [finding] = await domains.domain(names, "mail.org", SENDING)
        assert (finding.verdict, finding.subject) == (Verdict.UNKNOWN, "dns of mail.org")
        [finding] = await domains.pointer(names, SENDING)
        assert finding.verdict is Verdict.UNKNOWN
        with pytest.raises(NoAnswer):
            await names.texts("mail.org")
    finally:
        await names.close()


async def test_a_domain_that_nobody_knows_is_one_failure() -> None:
    found = await told({}, Sending("mail.org", (), "mx.mail.org"))
    assert {name: each.verdict for name, each in found.items()} == {"dns of mail.org": Verdict.FAIL}


@pytest.mark.parametrize("name", ["mail.localhost", "gw.test", "example", "mail.home.arpa"])
async def test_names_of_ones_own_network_are_not_asked_for(name: str) -> None:
    async with name_server({}) as server:
        names = Dns(["127.0.0.1"], server.port)
        [finding] = await domains.domain(names, name, SENDING)
        await names.close()
        assert server.asked == []
    assert finding.verdict is Verdict.UNKNOWN
