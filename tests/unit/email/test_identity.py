"""Which addresses are whose."""

import asyncio

import pytest

from bridges.email.addresses import parse
from bridges.email.config import EmailSettings
from bridges.email.identity import Identities, Kind, Taken
from gateway.bridge import NotStored, Services
from tests.fakes.clock import ManualClock

SETTINGS = EmailSettings(
    domains=("example.org", "mail.example"),
    address_template="{local}@example.org",
    local_domains=("xmpp.example.org",),
    alias_domain="mail.example",
    aliases_each=1,
)
ALICE, BOB = "owner-alice", "owner-bob"


@pytest.fixture
async def identities(services: Services) -> Identities:
    identities = Identities(SETTINGS, services)
    await identities.restore()
    return identities


async def anew(services: Services) -> Identities:
    again = Identities(SETTINGS, services)
    await again.restore()
    return again


async def test_users_of_the_operators_server_have_the_address_of_the_template(
    identities: Identities, services: Services
) -> None:
    assert (await identities.settle(ALICE, "alice@xmpp.example.org", "")).exact == "alice@example.org"
    again = await anew(services)
    for each in (identities, again):
        found = each.find(parse("Alice@Example.org"))
        assert found is not None
        assert found.owner == ALICE
        assert each.addresses(ALICE) == {"alice@example.org"}


async def test_others_choose_an_address_or_get_one_that_tells_nothing_of_them(identities: Identities) -> None:
    chosen = await identities.settle(BOB, "bob@elsewhere.example", "Bob.B")
    assert chosen.exact == "bob.b@mail.example"
    made_up = await identities.settle("owner-carol", "carol@elsewhere.example", "")
    assert made_up.domain == "mail.example"
    assert "carol" not in made_up.local
    assert await identities.settle("owner-carol", "carol@elsewhere.example", "") == made_up


async def test_sub_addresses_are_the_users(identities: Identities) -> None:
    await identities.settle(ALICE, "alice@xmpp.example.org", "")
    found = identities.find(parse("alice+Shop@example.org"))
    assert found is not None
    assert (found.owner, found.tag) == (ALICE, "Shop")
    assert identities.find(parse("alice+shop@mail.example")) is None


@pytest.mark.parametrize(
    "wanted", ["postmaster", "-bob", "bob-", "b b", "böb", "b" * 41, "bob@example.org", "b+c", "@", "a@b@c"]
)
async def test_some_addresses_are_for_nobody(identities: Identities, wanted: str) -> None:
    with pytest.raises(Taken):
        await identities.choose(BOB, wanted)
    assert identities.of(BOB) == []


async def test_nobody_gets_an_address_twice_even_at_the_same_moment(identities: Identities) -> None:
    outcomes = await asyncio.gather(
        *(identities.choose(owner, "shared") for owner in (ALICE, BOB)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["Mailbox", "Taken"]


async def test_a_user_has_a_number_of_addresses_and_can_give_them_up(identities: Identities) -> None:
    for name in ("one", "two"):
        await identities.choose(BOB, name)
    with pytest.raises(Taken, match="already"):
        await identities.choose(BOB, "three")
    assert await identities.give_up(BOB, parse("one@mail.example"))
    assert not await identities.give_up(ALICE, parse("two@mail.example"))
    await identities.choose(BOB, "three")
    assert identities.addresses(BOB) == {"two@mail.example", "three@mail.example"}
    assert identities.sender(BOB, "three") == parse("three@mail.example")


async def test_an_address_elsewhere_is_the_users_once_the_code_is_given(
    identities: Identities, services: Services
) -> None:
    elsewhere = parse("bob@provider.example")
    code = await identities.ask_for(BOB, elsewhere)
    assert elsewhere.folded not in identities.addresses(BOB)
    again = await anew(services)
    assert not await again.confirm(BOB, elsewhere, "0")
    assert await again.confirm(BOB, elsewhere, f" {code} ")
    assert elsewhere.folded in again.addresses(BOB)
    assert again.sender(BOB) is None
    assert [each.kind for each in again.of(BOB)] == [Kind.EXTERNAL]


async def test_codes_cannot_be_guessed_nor_be_mailed_again_and_again(
    identities: Identities, clock: ManualClock
) -> None:
    elsewhere = parse("victim@provider.example")
    code = await identities.ask_for(BOB, elsewhere)
    for _ in range(5):
        assert not await identities.confirm(BOB, elsewhere, "wrong")
    with pytest.raises(Taken):
        await identities.confirm(BOB, elsewhere, code)
    for owner in (ALICE, BOB):
        with pytest.raises(Taken):
            await identities.ask_for(owner, elsewhere)
    await clock.advance(86_401)
    assert await identities.ask_for(ALICE, elsewhere) != code
    assert identities.of(BOB) == []


async def test_before_the_table_was_read_nobody_can_be_told_that_there_is_no_such_user(
    services: Services,
) -> None:
    with pytest.raises(NotStored):
        Identities(SETTINGS, services).find(parse("alice@example.org"))


async def test_who_is_gone_has_no_address_any_more(identities: Identities) -> None:
    await identities.settle(ALICE, "alice@xmpp.example.org", "")
    identities.forget(ALICE)
    assert identities.find(parse("alice@example.org")) is None
    assert identities.sender(ALICE) is None
