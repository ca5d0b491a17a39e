"""What operators write: every preset, one of their own, Kannel; and every mistake in words."""

import asyncio
import random

import pytest
from pydantic import ValidationError

from bridges.sms.http import library
from bridges.sms.http.building import built
from bridges.sms.http.calling import Addresses, Caller
from bridges.sms.http.failings import Meaning, refused
from bridges.sms.http.filling import Unfilled
from bridges.sms.http.jwt import BadKey, rsa_key
from bridges.sms.http.reading import Reader
from bridges.sms.http.settings import HttpRoute, KannelRoute
from bridges.sms.http.signatures import Scheme
from bridges.sms.http.webhooks import Webhooks
from bridges.sms.plugin import BRIDGE
from bridges.sms.traffic import Away, Stage
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.config import ConfigError, load
from gateway.playground.process import free_ports
from tests.fakes.sms_providers import FAMILIES, Provider
from tests.fakes.sms_signing import Post, form
from tests.unit.sms.http.house import BASE, Kept, submission

CUSTOM = {
    "title": "Example Mobile",
    "values": {
        "base": {"about": "where it is", "default": "https://sms.example.com"},
        "user": {"about": "the login"},
    },
    "secrets": {"key": {"about": "the key"}},
    "auth": {"kind": "query", "name": "apikey", "value": "{key}"},
    "send": [
        {
            "url": "{base}/v3/send/{user}",
            "headers": {"X-Ref": "{reference}"},
            "document": {
                "messages": [
                    {
                        "to": "{recipients|;}",
                        "body": "{text}",
                        "cb": "{report_url}",
                        "first": "{recipients.0}",
                    }
                ],
                "ttl": "{validity}",
            },
        }
    ],
    "answer": {"taken": [202], "id": "result[0].id", "code": "error.code", "words": "error.text"},
    "errors": {"E7": "money"},
    "numbers": {"send": "zeros", "receive": "zeros"},
    "ways": {"coverage": "network", "longest": 1000},
    "webhook": {"methods": ["POST"], "format": "form", "body": "ACK"},
    "event": [
        {
            "kind": "report",
            "when": {"kind": ["dlr"]},
            "id": "id",
            "status": "state",
            "stages": {"D": "delivered", "*": "failed"},
        },
        {
            "kind": "message",
            "when": {"kind": ["mo"]},
            "id": "id",
            "sender": "src",
            "recipient": "dst",
            "text": "body",
        },
    ],
}


def route(**more):
    whole = {
        "kind": "http",
        "preset": "generic",
        "custom": CUSTOM,
        "values": {"user": "me"},
        "secrets": {"key": "k&y"},
    }
    return HttpRoute.model_validate({**whole, **more})


def test_a_provider_of_the_operators_own_needs_no_code():
    settings = route()
    caller = Caller(settings.described, settings.filled, settings.kept_secrets())
    call = caller.call(submission(text="hi"), Addresses("https://gw/x", "https://gw/x"), 0.0)
    assert call.url == "https://sms.example.com/v3/send/me?apikey=k%26y"
    assert call.headers["X-Ref"] == "ref0123456789"
    assert (
        call.body
        == b'{"messages": [{"to": "0015551112222", "body": "hi", "cb": "https://gw/x/ref0123456789", '
        b'"first": "0015551112222"}]}'
    )
    reader = Reader("r", settings.described)
    url = f"{BASE}/r/s"
    (news,) = reader.read(
        form(url, kind="mo", id="1", src="0015551112222", dst="46645", body="x").request(BASE)
    )
    assert (news.sender, news.recipient, news.text) == ("+15551112222", "46645", "x")
    (news,) = reader.read(form(url, kind="dlr", id="1", state="D").request(BASE))
    assert news.stage is Stage.CARRIER
    (news,) = reader.read(form(url, kind="dlr", id="1", state="X").request(BASE))
    assert news.stage is Stage.FAILED


def test_nobody_writes_headers_of_his_own_into_ours():
    settings = route(custom={**CUSTOM, "send": [{"url": "{base}", "headers": {"X-Text": "{text}"}}]})
    caller = Caller(settings.described, settings.filled, settings.kept_secrets())
    for text in ("a\r\nX-Other: 1", "a\nb", "a\x7f"):
        with pytest.raises(Unfilled):
            caller.call(submission(text=text), Addresses(), 0.0)


async def test_a_secret_of_two_lines_is_told():
    services = Services(
        SystemClock(), random.Random(1), "1.0", name="sms", web="https://gw.example/bridge/sms"
    )
    whole = {"kind": "http", "preset": "messagebird", "secrets": {"key": "a\nb", "signing": "s"}}
    (told,) = await built("m", HttpRoute.model_validate(whole), services, Webhooks(services)).trial()
    assert "write it in one line" in told


@pytest.mark.parametrize("name", library.names())
def test_every_preset_can_be_configured_and_names_what_is_missing(name):
    preset = library.preset(name)
    family = FAMILIES[name]
    good = {"kind": "http", "preset": name, "values": family.values, "secrets": family.secrets}
    assert HttpRoute.model_validate(good).described is preset
    for table in ("values", "secrets"):
        for missing in good[table]:
            less = {**good, table: {key: each for key, each in good[table].items() if key != missing}}
            known = getattr(preset, table)[missing]
            if known.default is None:
                with pytest.raises(ValidationError, match=f"`{table}` lacks '{missing}'"):
                    HttpRoute.model_validate(less)


@pytest.mark.parametrize("name", library.names())
def test_every_preset_says_how_its_callbacks_are_told_from_forged_ones(name):
    unsigned = {"bandwidth", "voipms", "46elks", "kannel"}
    assert (library.preset(name).signature.scheme is Scheme.NONE) is (name in unsigned)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"preset": "twillio"}, "must be one of 46elks, "),
        ({"custom": None}, "goes with preset"),
        ({"preset": "telnyx"}, "goes with preset"),
        (
            {"values": {"user": "me", "usr": "x"}},
            "has 'usr', which Example Mobile knows not; it has base, user",
        ),
        ({"secrets": {}}, "lacks 'key': the key"),
        ({"secret_files": {"key": "/x"}}, "in both `secrets` and `secret_files`"),
        ({"values": {"user": "me", "base": "http://sms.example.com"}}, "without TLS"),
        ({"values": {"user": "me", "base": "sms.example.com"}}, "`values.base` must be a web address"),
        ({"sources": ["somewhere"]}, "neither an address nor a network"),
        ({"callback_url": "x"}, "must be a web address"),
        ({"window": 0}, "greater than or equal to 1"),
        ({"custom": {**CUSTOM, "send": []}}, "at least 1 item"),
        ({"custom": {**CUSTOM, "send": [{"url": "{nothing}"}]}}, "which is no value, secret or variable"),
        ({"custom": {**CUSTOM, "send": [{"url": "{base"}]}}, "a brace that belongs to nothing"),
        (
            {"custom": {**CUSTOM, "send": [{"url": "x", "form": {"a": "b"}, "document": {"a": "b"}}]}},
            "one body",
        ),
        ({"custom": {**CUSTOM, "event": [{"kind": "message"}]}}, "lacks sender, recipient"),
        ({"custom": {**CUSTOM, "event": [{"kind": "report", "status": "a..b"}]}}, "is no path"),
        ({"custom": {**CUSTOM, "values": {**CUSTOM["values"], "text": {"about": "x"}}}}, "two meanings for"),
        ({"custom": {**CUSTOM, "coding": {"gsm": "0"}}}, "without both gsm and ucs2"),
        ({"custom": {**CUSTOM, "errors": {"1": "sad"}}}, "Input should be"),
        ({"custom": {**CUSTOM, "signature": {"scheme": "rot13"}}}, "Input should be"),
    ],
)
def test_mistakes_are_told_in_words(more, words):
    with pytest.raises(ValidationError, match=words):
        route(**more)


@pytest.mark.parametrize("name", ["sinch", "vonage-sms"])
async def test_a_provider_that_can_sign_and_does_not_is_told_apart_from_a_secret_that_was_forgotten(name):
    family = FAMILIES[name]
    secrets = {key: each for key, each in family.secrets.items() if key not in ("hmac", "signature")}
    nowhere = {"base": f"http://127.0.0.1:{free_ports(1)[0]}"}
    whole = {"kind": "http", "preset": name, "values": family.values | nowhere, "secrets": secrets}
    services = Services(
        SystemClock(), random.Random(1), "1.0", name="sms", web="https://gw.example/bridge/sms"
    )
    for more, words in (
        ({}, "the secret to verify them with is not set"),
        ({"unsigned": True}, "set webhook_user and webhook_password"),
        ({"unsigned": True, "webhook_password": "w"}, ""),
    ):
        found = await built(
            "m", HttpRoute.model_validate({**whole, **more}), services, Webhooks(services)
        ).trial()
        told = [each for each in found if "cannot be reached" not in each]
        assert words in "".join(told)
        assert bool(told) is bool(words)


def test_secrets_are_shown_by_nothing():
    assert "k&y" not in repr(route())


def test_secrets_can_be_in_files(tmp_path):
    (tmp_path / "key").write_text("from file\n")
    settings = route(secrets={}, secret_files={"key": str(tmp_path / "key")})
    assert settings.kept_secrets() == {"key": "from file"}


def test_a_private_key_that_is_none_is_told():
    with pytest.raises(BadKey, match="BEGIN PRIVATE KEY"):
        rsa_key("nonsense")


def test_private_networks_need_no_tls():
    for base in ("http://127.0.0.1:1", "http://10.1.2.3", "http://localhost"):
        assert route(values={"user": "me", "base": base}).filled["base"] == base
    assert route(values={"user": "me", "base": "http://sms.example.com"}, plain_http=True)


def test_every_meaning_has_words_and_the_providers_own_are_bounded():
    for meaning in Meaning:
        why = refused(meaning, "P", "7", "a\nb\0" + "x" * 5000)
        assert "(P: 7 a b x" in why.text
        assert len(why.text) < 600
        assert why.text.isprintable()


async def test_kannel_is_a_preset_with_a_look_at_its_file(tmp_path):
    (tmp_path / "kannel.conf").write_text("group = core\n")
    services = Services(
        SystemClock(), random.Random(1), "1.0", name="sms", web="https://gw.example/bridge/sms"
    )
    async with Provider(FAMILIES["kannel"]) as provider:
        settings = KannelRoute.model_validate(
            {
                "kind": "kannel",
                "url": provider.base,
                "username": "gw",
                "password": "p",
                "smsc": "one",
                "config_file": str(tmp_path / "kannel.conf"),
                "callback_url": "http://127.0.0.1:5290",
            }
        )
        way = built("box", settings, services, Webhooks(services))
        found = await way.trial()
        assert any("kannel.conf: There is no group smsbox" in each for each in found)
        assert any("/bridge/sms/box/" in each for each in found)
        assert not any("not signed" in each for each in found)


async def test_callbacks_of_a_neighbour_come_by_its_own_way():
    services = Services(
        SystemClock(), random.Random(1), "1.0", name="sms", web="https://gw.example/bridge/sms"
    )
    settings = KannelRoute.model_validate(
        {"kind": "kannel", "username": "gw", "password": "p", "callback_url": "http://127.0.0.1:5290"}
    )
    webhooks = Webhooks(services)
    way = built("box", settings, services, webhooks)
    intake = Kept()
    running = asyncio.create_task(way.run(intake))
    async with asyncio.timeout(10):
        while not way.address:
            await asyncio.sleep(0)
    assert way.address.startswith("http://127.0.0.1:5290/bridge/sms/box/")
    query = "from=%2B15551112222&to=%2B15550001111&text=hi&coding=0"
    url = f"{way.address}?{query}"
    base = "http://127.0.0.1:5290/bridge/sms"
    assert (await webhooks.answer(Post(url, method="GET").request(base))).status == 403  # from elsewhere
    assert (await webhooks.answer(Post(url, method="GET", remote="127.0.0.1").request(base))).status == 200
    assert [each.text for each in intake.news] == ["hi"]
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"secrets": {"private_key": "nonsense", "signature": "s"}},
            "`secrets.private_key` is no private key",
        ),
        (
            {"secrets": {"signature": "s"}, "secret_files": {"private_key": "/none/key"}},
            "/none/key cannot be read",
        ),
    ],
)
async def test_secrets_that_cannot_be_used_are_told_and_the_route_is_away(more, words):
    services = Services(
        SystemClock(), random.Random(1), "1.0", name="sms", web="https://gw.example/bridge/sms"
    )
    whole = {"kind": "http", "preset": "vonage-messages", "values": {"application": "a"}, **more}
    way = built("main", HttpRoute.model_validate(whole), services, Webhooks(services))
    (told,) = await way.trial()
    assert words in told
    with pytest.raises(Away):
        async with way.turn():
            pass


HEAD = """
[xmpp]
[bridges.sms]
jid = "sms.example.org"
secret = "a secret of some length"
region = "US"
[bridges.sms.routes.main]
"""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            'preset = "twilio"',
            "line 7: bridges.sms.routes.main.kind is missing: it says of which kind the table is.",
        ),
        (
            'kind = "htp"',
            'line 8: bridges.sms.routes.main.kind is "htp", but must be one of "smpp", "http", "kannel"',
        ),
        (
            'kind = "http"\npreset = "twilio"\nvalues = {account = "AC1"}',
            "line 7: bridges.sms.routes.main `secrets` lacks 'token': the account's auth token.",
        ),
        (
            'kind = "kannel"\nusername = "gw"\npassword = "p"\nwindow = 0',
            "line 11: bridges.sms.routes.main.window is 0, but must be 1 or more.",
        ),
        (
            'kind = "kannel"\nusername = "gw"\npassword = "p"\nsmcs = ""',
            "line 11: bridges.sms.routes.main.smcs is not known. Did you mean smsc?",
        ),
        (
            'kind = "http"\npreset = "twilio"\nvalues = {account = "AC1"}\nsecrets = {token = 7}',
            'line 11: bridges.sms.routes.main.secrets.token must be text in quotes, "...".',
        ),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_line(tmp_path, lines, told):
    path = tmp_path / "causeway.toml"
    path.write_text(HEAD + lines)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, {"sms": lambda: BRIDGE})
    assert any(told in str(each) for each in caught.value.problems), str(caught.value)
    path.write_text(
        HEAD + 'kind = "http"\npreset = "twilio"\nvalues = {account = "AC1"}\nsecrets = {token = "t"}'
    )
    assert load(path, {}, {"sms": lambda: BRIDGE}).bridges[0].own.routes["main"].preset == "twilio"
