"""Finding an upload service and asking it for slots."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge import Blob, MediaError
from gateway.media.slots import NotOpen
from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.privilege import Rights
from gateway.xmpp.upload import ComponentSlots, UploadServices, UserSlots, read_slot
from tests.unit.clock import ManualClock

FILE = Blob(Path("/nowhere"), "très cool.jpg", "image/jpeg", 23456, "00" * 32)
INFO, ITEMS, UPLOAD = (
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "urn:xmpp:http:upload:0",
)
SLOT = f"""<iq type='result'><slot xmlns='{UPLOAD}'><put url='https://u.example/put'>
  <header name='Authorization'>Basic Base64
String==</header><header name='Host'>evil.example</header><header name='co&#10;okie'>foo=bar</header></put><get url='https://u.example/get'/></slot></iq>"""
FEATURE = f"<iq type='result'><query xmlns='{INFO}'><feature var='{UPLOAD}'/>%s</query></iq>"
FORM = f"""<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>{UPLOAD}</value></field>
  <field var='max-file-size'><value>%s</value></field></x>"""
TIMEOUT = Refused(Condition.REMOTE_SERVER_TIMEOUT, "No answer in time.")


def items(*jids):
    return (
        f"<iq type='result'><query xmlns='{ITEMS}'>"
        + "".join(f"<item jid='{jid}'/>" for jid in jids)
        + "</query></iq>"
    )


class Iq:
    """Answers by (to, first word of the payload's namespace); what has no answer is not found."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    async def request(self, to, payload, *, sender, timeout=30.0, type="get"):
        kind = "items" if ITEMS in payload else "info" if INFO in payload else "slot"
        self.asked.append((to, kind))
        answer = self.answers.get((to, kind), Refused(Condition.ITEM_NOT_FOUND, "Nobody."))
        if isinstance(answer, Refused):
            raise RefusedError(answer)
        return fromstring(answer)


GOOD = {
    ("localhost", "items"): items("rooms.localhost", "irc.localhost", "upload.localhost", "x@localhost"),
    ("upload.localhost", "info"): FEATURE % "",
    ("upload.localhost", "slot"): SLOT,
}


def slots(answers, **options):
    iq, clock = Iq(answers), ManualClock()
    return (
        ComponentSlots("irc.localhost", UploadServices("irc.localhost", iq, clock), iq, clock, **options),
        iq,
        clock,
    )


async def test_the_service_of_the_server_above_is_found_and_asked():
    component, iq, _ = slots(GOOD)
    slot = await component.slot(FILE, "ann@localhost")
    assert (slot.put, slot.get) == ("https://u.example/put", "https://u.example/get")
    assert iq.asked == [("localhost", "items"), ("upload.localhost", "info"), ("upload.localhost", "slot")]
    await component.slot(FILE, "ann@localhost")
    assert iq.asked[3:] == [("upload.localhost", "slot")]


async def test_only_headers_that_are_allowed_are_sent_and_on_one_line():
    component, _, _ = slots(GOOD)
    slot = await component.slot(FILE, "")
    assert slot.headers == (("Authorization", "Basic Base64String=="), ("Cookie", "foo=bar"))
    assert "Base64" not in repr(slot)


async def test_a_file_over_the_services_limit_is_not_asked_for():
    component, iq, _ = slots(GOOD | {("upload.localhost", "info"): FEATURE % (FORM % "20000")})
    with pytest.raises(MediaError, match=r"up to 0\.02 MB"):
        await component.slot(FILE, "")
    assert ("upload.localhost", "slot") not in iq.asked


async def test_a_server_without_the_service_is_asked_again_only_later():
    component, iq, clock = slots({("localhost", "items"): items("rooms.localhost")})
    for _ in range(2):
        with pytest.raises(MediaError, match="no upload service"):
            await component.slot(FILE, "")
    assert iq.asked.count(("localhost", "items")) == 1
    iq.answers = GOOD
    await clock.advance(301)
    assert await component.slot(FILE, "")


async def test_a_server_that_does_not_answer_is_asked_again_at_the_next_file():
    component, iq, _ = slots({("localhost", "items"): TIMEOUT})
    with pytest.raises(MediaError, match="in time"):
        await component.slot(FILE, "")
    iq.answers = GOOD
    assert await component.slot(FILE, "")


async def test_a_service_that_never_answers_is_a_reason_to_go_on():
    component, _, _ = slots(GOOD | {("upload.localhost", "slot"): TIMEOUT})
    with pytest.raises(MediaError, match="in time") as caught:
        await component.slot(FILE, "")
    assert caught.value.refused.condition is Condition.REMOTE_SERVER_TIMEOUT


async def test_a_service_closed_to_us_is_left_alone_for_a_while():
    refusal = Refused(Condition.FORBIDDEN, "Upload not allowed")
    component, iq, clock = slots(GOOD | {("upload.localhost", "slot"): refusal})
    for _ in range(3):
        with pytest.raises(MediaError, match="Upload not allowed"):
            await component.slot(FILE, "")
    assert iq.asked.count(("upload.localhost", "slot")) == 1
    iq.answers = GOOD
    await clock.advance(301)
    assert await component.slot(FILE, "")


async def test_a_refusal_of_one_file_says_nothing_of_the_next():
    refusal = Refused(Condition.NOT_ACCEPTABLE, "File too large")
    component, iq, _ = slots(GOOD | {("upload.localhost", "slot"): refusal})
    for _ in range(2):
        with pytest.raises(MediaError, match="too large"):
            await component.slot(FILE, "")
    assert iq.asked.count(("upload.localhost", "slot")) == 2


async def test_the_service_the_operator_named_is_not_looked_for():
    component, iq, _ = slots({("files.example", "slot"): SLOT}, service="files.example")
    await component.slot(FILE, "")
    assert iq.asked == [("files.example", "info"), ("files.example", "slot")]


async def test_a_slot_in_the_users_name_is_asked_of_the_users_server():
    asked = []

    class Privileges:
        def __init__(self, iq):
            self.rights = {"localhost": Rights("urn:xmpp:privilege:2", iq=iq)}

        def granted(self, domain):
            return self.rights.get(domain)

        async def request(self, user, to, verb, namespace, payload):
            asked.append((user, to, verb, namespace))
            return fromstring(SLOT)

    services = UploadServices("irc.localhost", Iq(GOOD), ManualClock())
    assert await UserSlots(services, Privileges({UPLOAD: frozenset({"get"})})).slot(FILE, "ann@localhost")
    assert asked == [("ann@localhost", "upload.localhost", "get", UPLOAD)]
    for user, iq in (("ann@localhost", {}), ("ann@elsewhere", {UPLOAD: frozenset({"get"})})):
        with pytest.raises(NotOpen):
            await UserSlots(services, Privileges(iq)).slot(FILE, user)


@pytest.mark.parametrize(
    "slot",
    [
        "<slot/>",
        "<slot><put url='https://a/'/></slot>",
        "<slot><get url='https://a/'/></slot>",
        "<slot><put url='https://a/'/><get url='javascript:x'/></slot>",
        "<slot><put url='file:///etc/passwd'/><get url='https://a/'/></slot>",
        f"<slot><put url='https://a/'/><get url='https://a/{'x' * 5000}'/></slot>",
    ],
)
async def test_a_slot_that_cannot_be_used_is_refused(slot):
    broken = f"<iq>{slot.replace('<slot', f'<slot xmlns={UPLOAD!r}')}</iq>"
    component, _, _ = slots(GOOD | {("upload.localhost", "slot"): broken})
    with pytest.raises(MediaError, match="no usable place"):
        await component.slot(FILE, "")


@given(st.text(), st.text(), st.text())
def test_no_header_smuggles_another(put, name, value):
    slot = fromstring(SLOT)[0]
    slot[0][0].set("name", name)
    slot[0][0].text = value
    slot[0].set("url", "https://a/" + put)
    found = read_slot(slot)
    assert found is None or not any(
        "\r" in part or "\n" in part for header in found.headers for part in header
    )
