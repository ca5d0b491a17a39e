"""Which servers of users are connected to, and what users fill in about them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.addresses import Mailbox
from bridges.email.attached import account
from bridges.email.attached.hosts import IMAP_PORTS, SMTP_PORTS, Host, Hosts, NotReached, read
from bridges.email.imap.client import Security
from gateway.bridge import BadAddress


def hosts(*addresses: str, allowed: Sequence[str] = ()) -> Hosts:
    async def resolve(name: str) -> Sequence[str]:
        if not addresses:
            raise OSError
        return addresses

    return Hosts(allowed, resolve)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
    ],
)
async def test_no_name_leads_into_a_private_network(address: str) -> None:
    with pytest.raises(NotReached, match="private network"):
        await hosts(address).find(Host("mail.example.org", 993, Security.TLS), IMAP_PORTS)
    own = hosts(address, allowed=["mail.example.org"])
    assert await own.find(Host("mail.example.org", 993, Security.TLS), IMAP_PORTS)


async def test_of_several_addresses_a_public_one_is_taken() -> None:
    found = hosts("10.0.0.1", "2a00:1450::1", "193.0.0.1")
    assert await found.find(Host("mail.example.org", 993, Security.TLS), IMAP_PORTS) == "193.0.0.1"


async def test_ports_that_are_not_for_mail_and_names_that_are_none_are_said() -> None:
    with pytest.raises(NotReached, match="port 22 is not used here; it is 993 or 143"):
        await hosts("193.0.0.1").find(Host("mail.example.org", 22, Security.TLS), IMAP_PORTS)
    with pytest.raises(NotReached, match="There is no server called"):
        await hosts().find(Host("mail.example.org", 993, Security.TLS), IMAP_PORTS)


def test_servers_are_read_as_people_write_them() -> None:
    assert read(" Imap.Example.ORG ", IMAP_PORTS) == Host("imap.example.org", 993, Security.TLS)
    assert read("imap.example.org:143", IMAP_PORTS).security is Security.STARTTLS
    assert read("mail.example.org:10587/starttls", SMTP_PORTS) == Host(
        "mail.example.org", 10587, Security.STARTTLS
    )


@given(st.text(max_size=400) | st.from_regex(r"[a-z.]{0,9}:?[0-9]{0,7}(/starttls)?", fullmatch=True))
def test_whatever_is_written_is_a_server_or_refused_with_a_sentence(text: str) -> None:
    found = _read(text)
    if isinstance(found, str):
        assert found.endswith(".")
    else:
        assert 0 < found.port < 65536
        assert found.name.isascii()
        assert found.name.isprintable()


def _read(text: str) -> Host | str:
    try:
        return read(text, IMAP_PORTS)
    except BadAddress as error:
        return str(error)


def ours(mailbox: Mailbox) -> bool:
    return mailbox.domain == "gw.example"


def test_servers_of_known_providers_need_not_be_given() -> None:
    found = account.read({"email": "me@gmail.com", "password": "x"}, ours)
    assert found is not None
    assert (found.imap.name, found.smtp.port, found.keeps_sent) == ("imap.gmail.com", 465, True)
    assert found.believed.names("mx.google.com")
    assert not found.believed.names("evilgoogle.com")
    other = account.read({"email": "me@company.example", "password": "sesame"}, ours)
    assert other is not None
    assert (other.imap.name, other.smtp.name) == ("imap.company.example", "smtp.company.example")
    assert other.believed.names("mx1.company.example")
    assert "sesame" not in repr(other)


@pytest.mark.parametrize(
    "settings",
    [
        {"email": "nobody"},
        {"email": "me@gw.example", "password": "x"},
        {"email": "me@x.example"},
        {"email": "me@x.example", "password": "a\0b"},
        {"email": "me@x.example", "password": "x" * 5000},
        {"email": "mü@x.example", "password": "x"},
        {"email": "me@x.example", "password": "x", "imap": "http://x.example/"},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(BadAddress):
        account.read(settings, ours)
