"""Access tokens of attached mailboxes, got from an endpoint that is scripted."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from bridges.email.addresses import Mailbox
from bridges.email.attached import account
from bridges.email.attached.account import Mailing
from bridges.email.attached.renewal import KNOWN, Client, Preset
from bridges.email.attached.tokens import NoToken, Tokens
from bridges.email.config import EmailSettings
from gateway.bridge import BadAddress, ForgetfulMemory, MediaError, NoMedia, NotStored, WebAnswer
from gateway.model import Condition, Refused
from tests.fakes.clock import ManualClock

ENDPOINT = "https://login.example/token"
MAILBOX = {"email": "ann@far.example", "password": "first", "token": "refresh"}
OWN = {"client_id": "mine", "client_secret": "hush", "token_url": ENDPOINT}


@dataclass
class Endpoint(NoMedia):
    """Gives a new token each time, until it is told to say something else."""

    answers: list[WebAnswer | MediaError] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    rotates: bool = False
    life: object = 3600

    async def exchange(self, url: str, fields: Mapping[str, str], user: str) -> WebAnswer:
        self.urls.append(url)
        self.forms.append(dict(fields))
        await asyncio.sleep(0)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, MediaError):
                raise answer
            return answer
        said: dict[str, object] = {"access_token": f"access-{len(self.forms)}", "expires_in": self.life}
        said |= {"refresh_token": f"refresh-{len(self.forms)}"} if self.rotates else {}
        return WebAnswer(200, json.dumps(said).encode())


class Sealed(ForgetfulMemory):
    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.sealed: list[bool] = []

    async def remember(self, user: str, network: str, name: str, value: str, *, secret: bool = False) -> None:
        if self.broken:
            raise NotStored("away")
        self.sealed.append(secret)
        await super().remember(user, network, name, value, secret=secret)


def mailing(presets: tuple[Preset, ...] = (), **settings: str) -> Mailing:
    read = account.read(MAILBOX | (settings if presets or settings else OWN), _nobodys, presets)
    assert read is not None
    return read


def _nobodys(mailbox: Mailbox) -> bool:
    return False


def says(status: int, **said: object) -> WebAnswer:
    return WebAnswer(status, json.dumps(said).encode())


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def memory() -> Sealed:
    return Sealed()


@pytest.fixture
def tokens(endpoint: Endpoint, memory: Sealed, clock: ManualClock) -> Tokens:
    return Tokens(endpoint, memory, clock)


async def test_a_token_is_got_once_and_renewed_before_it_runs_out(
    tokens: Tokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    mine = mailing()
    found = [(await tokens.login("ann", mine)).secret for _ in range(3)]
    assert found == ["access-1"] * 3
    assert endpoint.urls == [ENDPOINT]
    assert endpoint.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "first",
            "client_id": "mine",
            "client_secret": "hush",
        }
    ]
    await clock.advance(3600 - 301)
    assert (await tokens.login("ann", mine)).secret == "access-1"
    await clock.advance(2)
    logged = await tokens.login("ann", mine)
    assert (logged.secret, logged.token, logged.user) == ("access-2", True, "ann@far.example")


async def test_a_token_that_a_server_refuses_is_renewed(tokens: Tokens, endpoint: Endpoint) -> None:
    mine = mailing()
    first = await tokens.login("ann", mine)
    second = await tokens.login("ann", mine, refused=first.secret)
    assert second.secret == "access-2"
    # Whoever comes later with the same complaint gets what is new already.
    assert (await tokens.login("ann", mine, refused=first.secret)).secret == "access-2"


async def test_a_new_refresh_token_takes_the_place_of_the_old_one_and_outlives_us(
    tokens: Tokens, endpoint: Endpoint, memory: Sealed, clock: ManualClock
) -> None:
    endpoint.rotates = True
    mine = mailing()
    await tokens.login("ann", mine)
    assert memory.sealed == [True]
    later = Tokens(endpoint, memory, clock)
    assert (await later.login("ann", mine)).secret == "access-1"
    await clock.advance(3600)
    await later.login("ann", mine)
    assert [each["refresh_token"] for each in endpoint.forms] == ["first", "refresh-1"]


async def test_two_logins_at_a_time_use_a_refresh_token_once(tokens: Tokens, endpoint: Endpoint) -> None:
    endpoint.rotates = True
    found = await asyncio.gather(*(tokens.login("ann", mailing()) for _ in range(5)))
    assert {each.secret for each in found} == {"access-1"}
    assert len(endpoint.forms) == 1


async def test_what_cannot_be_kept_just_now_is_kept_later_and_not_asked_for_again(
    tokens: Tokens, endpoint: Endpoint, memory: Sealed
) -> None:
    memory.broken = True
    with pytest.raises(NotStored):
        await tokens.login("ann", mailing())
    memory.broken = False
    assert (await tokens.login("ann", mailing())).secret == "access-1"
    assert memory.sealed == [True]
    assert len(endpoint.forms) == 1


async def test_another_mailbox_that_is_tried_does_not_cost_the_one_in_use(
    tokens: Tokens, endpoint: Endpoint
) -> None:
    for number in range(3):
        await tokens.login("ann", mailing())
        await tokens.login("ann", mailing(**OWN, password=f"other-{number}"))
        await tokens.login("ann", mailing())
    assert [each["refresh_token"] for each in endpoint.forms].count("first") == 1
    tokens.forget("ann")


@pytest.mark.parametrize(
    ("answer", "credentials", "words"),
    [
        (says(400, error="invalid_grant"), True, "register again with the new token"),
        (says(401, error="invalid_client"), True, "client ID and client secret"),
        (says(400, error="invalid_scope"), True, "allow the access anew"),
        (says(503), False, "just now: the provider answered 503"),
        (says(429, error="slow_down"), False, "429, error slow_down"),
        (says(200, access_token=7), False, "no token"),
        (says(200, access_token="a\r\nb"), False, "no token"),
        (says(200, access_token="x" * 9000), False, "no token"),
        (says(400, error="<script>"), False, "400, no token"),
        (WebAnswer(200, b"[" * 60_000), False, "no token"),
        (WebAnswer(200, b"\xff\xfe\x00"), False, "no token"),
        (MediaError(Refused(Condition.REMOTE_SERVER_TIMEOUT, "It is away.")), False, "It is away."),
    ],
)
async def test_a_refusal_says_what_to_do_and_shows_no_token(
    tokens: Tokens, endpoint: Endpoint, answer: WebAnswer | MediaError, credentials: bool, words: str
) -> None:
    endpoint.answers = [answer]
    with pytest.raises(NoToken) as refused:
        await tokens.login("ann", mailing())
    assert words in str(refused.value)
    assert refused.value.credentials is credentials
    assert "first" not in str(refused.value)
    assert "hush" not in str(refused.value)
    # What was wrong just now is tried again.
    assert (await tokens.login("ann", mailing())).secret == "access-2"


@pytest.mark.parametrize("life", ["60000", "soon", None, -5, 1e30, float("nan"), [3600]])
async def test_every_way_to_say_how_long_a_token_is_good_is_lived_with(
    tokens: Tokens, endpoint: Endpoint, life: object
) -> None:
    endpoint.life = life
    assert (await tokens.login("ann", mailing())).secret == "access-1"


async def test_the_operators_client_is_used_at_the_operators_endpoint_only(
    tokens: Tokens, endpoint: Endpoint
) -> None:
    settings = EmailSettings.model_validate(
        {
            "domains": ["gw.example"],
            "oauth": {
                "google": {"client_id": "ours", "client_secret": "ours-too"},
                "works": {
                    "client_id": "w",
                    "token_url": ENDPOINT,
                    "servers": ["IMAP.far.example"],
                    "scope": "m",
                },
            },
        }
    )
    google = mailing(settings.presets, email="ann@gmail.com")
    assert google.renewal == Client(KNOWN["google"].endpoint, "ours", "ours-too", operators=True)
    works = mailing(settings.presets, email="ann@far.example")
    assert works.renewal == Client(ENDPOINT, "w", "", "m", operators=True)
    theirs = mailing(settings.presets, email="ann@gmail.com", client_id="mine")
    assert theirs.renewal == Client(KNOWN["google"].endpoint, "mine")
    for wrong, words in (
        ({"email": "ann@gmail.com", "token_url": "https://evil.example/"}, "client ID is missing"),
        ({"email": "ann@gmail.com", "client_secret": "x"}, "client ID is missing"),
        ({"email": "ann@else.example"}, "no OAuth client of its own for imap.else.example"),
        ({"email": "ann@else.example", "client_id": "mine"}, "where tokens"),
        (OWN | {"token_url": "http://login.example/"}, "https://"),
        (OWN | {"client_id": "a\nb"}, "one line"),
    ):
        with pytest.raises(BadAddress, match=f"(?i){words}"):
            mailing(settings.presets, **wrong)
    endpoint.answers = [says(401, error="invalid_client")]
    with pytest.raises(NoToken, match="ask the operator") as refused:
        await tokens.login("ann", google)
    assert not refused.value.credentials


def test_a_client_of_the_operators_is_whole() -> None:
    for wrong, words in (
        ({"mine": {"client_id": "x"}}, "lacks `token_url` or `servers`"),
        ({"google": {"client_id": "x", "client_secret": "a", "client_secret_file": "b"}}, "keep one of them"),
    ):
        with pytest.raises(ValueError, match=words):
            EmailSettings.model_validate({"domains": ["gw.example"], "oauth": wrong})


def test_what_was_entered_as_an_access_token_before_still_is_one() -> None:
    for kind in ("true", "1", "access"):
        assert mailing(token=kind).token
        assert mailing(token=kind).renewal is None
    assert not mailing(token="password").token
    assert not mailing(token="false").token
