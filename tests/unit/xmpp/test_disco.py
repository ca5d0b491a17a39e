"""gateway/xmpp/disco.py and rsm.py: what is told of an address, and long lists page by page."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition, Refused
from gateway.xmpp.disco import (
    INFO,
    ITEMS,
    Disco,
    DiscoInfo,
    DiscoItem,
    Identity,
    ItemList,
    render_info,
    render_items,
)
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import DATA, DataSet, Datum
from gateway.xmpp.router import Router
from gateway.xmpp.rsm import RSM, Paging
from tests.unit.xmpp.support import ANY_TEXT, ManualClock, Wire, carried, error_of, parse, request

GATEWAY_INFO = DiscoInfo((Identity("gateway", "irc", "IRC gateway"),), frozenset({"urn:xmpp:ping"}))
CHANNELS = ItemList([DiscoItem(f"#{name}%irc@gw", name) for name in ("a", "b", "c")], large=True)


class Bench:
    def __init__(self, info=(), items=()) -> None:
        self.wire = Wire()
        self.router = Router(self.wire.send, ManualClock())
        Disco(info, items).register(self.router)

    def ask(self, namespace: str, node: str = "", content: str = "", to: str = "irc.example.org"):
        given_node = f" node='{node}'" if node else ""
        self.router.dispatch(request(f"<query xmlns='{namespace}'{given_node}>{content}</query>", to=to))
        return self.wire.one()


def test_info_names_identities_and_features():
    asked = []

    def info(target, node, requester):
        asked.append((target.full, node, requester.full))
        return GATEWAY_INFO

    query = Bench([info]).ask(INFO, "", to="#a%b@gw")[0]
    assert asked == [("#a%b@gw", "", "alice@example.org/phone")]
    assert query.get("node") is None
    assert [child.attrib for child in query] == [
        {"category": "gateway", "type": "irc", "name": "IRC gateway"},
        {"var": INFO},
        {"var": "urn:xmpp:ping"},
    ]


def test_the_node_asked_for_is_mirrored_also_for_an_empty_list():
    bench = Bench([lambda *_: GATEWAY_INFO], [lambda *_: ItemList(())])
    assert bench.ask(INFO, "http://jabber.org/protocol/muc#traffic")[0].get("node") == (
        "http://jabber.org/protocol/muc#traffic"
    )
    query = bench.ask(ITEMS, "n", f"<set xmlns='{RSM}'><max>5</max></set>")[0]
    assert query.get("node") == "n"
    assert len(query) == 0


def test_the_first_provider_that_knows_is_believed():
    bench = Bench([lambda *_: None, lambda *_: GATEWAY_INFO, lambda *_: 1 / 0])
    assert bench.ask(INFO).get("type") == "result"


def test_what_nobody_knows_is_not_found_and_a_refusal_is_passed_on():
    def forbidden(*_):
        raise RefusedError(Refused(Condition.FORBIDDEN))

    assert error_of(Bench().ask(INFO))[1] == "item-not-found"
    assert error_of(Bench([lambda *_: None]).ask(INFO))[1] == "item-not-found"
    assert error_of(Bench([], [forbidden]).ask(ITEMS))[1] == "forbidden"
    assert error_of(Bench().ask(ITEMS, "x"))[1] == "item-not-found"


def test_only_a_query_asks():
    bench = Bench([lambda *_: GATEWAY_INFO])
    bench.router.dispatch(request(f"<other xmlns='{INFO}'/>"))
    assert error_of(bench.wire.one())[1] == "bad-request"


async def test_providers_may_take_their_time():
    async def nothing(*_):
        return None

    async def channels(*_):
        return CHANNELS

    wire = Wire()
    router = Router(wire.send, ManualClock())
    Disco([nothing, lambda *_: None, nothing], [nothing, channels, lambda *_: 1 / 0]).register(router)
    router.dispatch(request(f"<query xmlns='{ITEMS}'/>", id="items"))
    router.dispatch(request(f"<query xmlns='{INFO}'/>", id="info"))
    for _ in range(5):
        await asyncio.sleep(0)
    answers = {answer.get("id"): answer for answer in wire.take()}
    assert len(answers["items"][0]) == 4
    assert error_of(answers["info"])[1] == "item-not-found"


def test_an_extended_answer_has_its_form_type_first_and_hidden():
    form = DataSet("http://jabber.org/protocol/muc#roominfo", (Datum("muc#roominfo_occupants", ("1",)),))
    query = parse(render_info(DiscoInfo((Identity("conference", "irc"),), frozenset(), (form,))))
    (x,) = query.iterfind(f"{{{DATA}}}x")
    hidden, occupants = x
    assert (x.get("type"), hidden.get("type"), hidden[0].text) == ("result", "hidden", form.form_type)
    assert (occupants.get("var"), occupants[0].text) == ("muc#roominfo_occupants", "1")


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_in_an_answer_comes_back(name, feature, node):
    query = parse(render_info(DiscoInfo((Identity("a", "b", name, "en"),), frozenset({feature})), node))
    assert query.get("node", "") == carried(node)
    assert query[0].get("name", "") == carried(name)
    assert {carried(feature), INFO} == {child.get("var") for child in query[1:]}
    items = parse(render_items(ItemList([DiscoItem(name, feature, node)])))
    assert items[0].get("jid") == carried(name)


# Pages (XEP-0059)


def page(paging: Paging | None, listed: ItemList = CHANNELS):
    """Jids without their tail, then first, its index, last and count."""
    query = parse(render_items(listed, "", paging))
    jids = [item.get("jid", "").partition("%")[0] for item in query if item.get("jid")]
    described = query.find(f"{{{RSM}}}set")
    if described is None:
        return jids, None
    first = described.find(f"{{{RSM}}}first")
    return jids, (
        None if first is None else (first.text or "").partition("%")[0],
        None if first is None else first.get("index"),
        (described.findtext(f"{{{RSM}}}last") or "").partition("%")[0] or None,
        described.findtext(f"{{{RSM}}}count"),
    )


@pytest.mark.parametrize(
    ("paging", "jids", "described"),
    [
        # research/biboumi-behaviour.md 5.10, channel_list_with_rsm
        (None, ["#a", "#b", "#c"], ("#a", "0", "#c", "3")),
        (Paging(limit=0), [], (None, None, None, "3")),
        # biboumi leaves the count of this one out, as it answers before it knows; we wait, and tell
        (Paging(limit=2), ["#a", "#b"], ("#a", "0", "#b", "3")),
        (Paging(limit=12), ["#a", "#b", "#c"], ("#a", "0", "#c", "3")),
        (Paging(limit=1, after="#a%irc@gw"), ["#b"], ("#b", "1", "#b", "3")),
        (Paging(limit=1, after="#b%irc@gw"), ["#c"], ("#c", "2", "#c", "3")),
        (Paging(limit=1, after="#c%irc@gw"), [], (None, None, None, "3")),
        # XEP-0059 §2.3, §2.5, §2.6
        (Paging(limit=2, before=""), ["#b", "#c"], ("#b", "1", "#c", "3")),
        (Paging(limit=1, before="#c%irc@gw"), ["#b"], ("#b", "1", "#b", "3")),
        (Paging(limit=5, before="#a%irc@gw"), [], (None, None, None, "3")),
        (Paging(limit=2, index=1), ["#b", "#c"], ("#b", "1", "#c", "3")),
        (Paging(limit=2, index=3), [], (None, None, None, "3")),
    ],
)
def test_pages_of_a_channel_list(paging, jids, described):
    assert page(paging) == (jids, described)


def test_a_list_that_is_not_whole_yet_bears_no_count():
    listed = ItemList(CHANNELS.items, large=True, complete=False)
    assert page(Paging(limit=2), listed) == (["#a", "#b"], ("#a", "0", "#b", None))
    assert page(Paging(limit=9), listed) == (["#a", "#b", "#c"], ("#a", "0", "#c", None))


def test_a_short_list_is_described_only_if_pages_were_asked_for():
    short = ItemList(CHANNELS.items)
    assert page(None, short)[1] is None
    assert page(Paging(limit=2), short)[1] == ("#a", "0", "#b", "3")


def test_without_a_limit_a_hundred_items_are_sent():
    listed = ItemList([DiscoItem(f"#{n}%irc@gw") for n in range(111)], large=True)
    jids, described = page(None, listed)
    assert len(jids) == 100
    assert described == ("#0", "0", "#99", "111")
    assert len(page(Paging(limit=10**9), ItemList([DiscoItem(f"#{n}%") for n in range(600)]))[0]) == 500


@pytest.mark.parametrize("before", [None, ""])
def test_a_page_never_grows_beyond_what_a_server_takes(before):
    listed = ItemList([DiscoItem(f"#{n}%irc@gw", "<" * 1000) for n in range(500)])
    text = render_items(listed, "", Paging(limit=500, before=before))
    assert len(text) < 200_000
    jids, described = page(Paging(limit=500, before=before), listed)
    assert described is not None
    assert described[0] == jids[0]
    assert described[2] == jids[-1]
    assert (jids[0] == "#0") is (before is None)
    assert (jids[-1] == "#499") is (before == "")


@given(st.integers(0, 25), st.integers(1, 7), st.booleans())
def test_paging_through_visits_every_item_once_in_order(total, size, backwards):
    listed = ItemList([DiscoItem(f"#{n}%", node="n" if n % 2 else "") for n in range(total)])
    seen: list[str] = []
    paging = Paging(limit=size, before="" if backwards else None)
    for _ in range(total + 1):
        query = parse(render_items(listed, "", paging))
        described = query.find(f"{{{RSM}}}set")
        jids = [item.get("jid", "") for item in query if item.get("jid")]
        if not jids:
            break
        assert described is not None
        seen = jids + seen if backwards else seen + jids
        edge = described.findtext(f"{{{RSM}}}{'first' if backwards else 'last'}")
        paging = Paging(limit=size, **{"before" if backwards else "after": edge})
    assert seen == [item.jid for item in listed.items]


def test_a_page_that_is_gone_and_numbers_that_are_none_are_refused():
    bench = Bench([], [lambda *_: CHANNELS])
    for content, condition in (
        ("<after>#gone%irc@gw</after>", "item-not-found"),
        ("<before>#gone%irc@gw</before>", "item-not-found"),
        ("<max>-1</max>", "bad-request"),
        ("<max>many</max>", "bad-request"),
        ("<max>٣</max>", "bad-request"),
        (f"<index>{'9' * 5000}</index>", "policy-violation"),
        (f"<after>{'9' * 5000}</after>", "policy-violation"),
        ("<max/>", "bad-request"),
    ):
        assert error_of(bench.ask(ITEMS, "", f"<set xmlns='{RSM}'>{content}</set>"))[1] == condition
    assert len(bench.ask(ITEMS, "", f"<set xmlns='{RSM}'><max> 1 </max><after/></set>")[0]) == 2
