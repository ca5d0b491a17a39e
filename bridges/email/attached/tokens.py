"""Access tokens of attached mailboxes: renewed with a refresh token before they run out, and when a server refuses one.

What was got is kept sealed, for many providers give a new refresh token each time and take the old one no more. Only if
we are killed between such an answer and its commit, the user has to bring another one. Knows no mail server.
"""

import asyncio
import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import structlog

from bridges.email.attached.account import Mailing
from bridges.email.attached.renewal import Client
from gateway.bridge import Clock, Media, MediaError, Memory, WebAnswer

_log = structlog.get_logger(__name__)

_NAME = "oauth"
_EARLY = 300.0  # seconds before the end of a token in which it counts as over
_LIFE, _LONGEST_LIFE = 3600.0, 30 * 86_400.0  # where the endpoint does not say (RFC 6749 §5.1), and at most
_TOKEN_MOST = 8000
_KEPT = 3  # grants of one user: of a mailbox that is in use, while another one is tried


class NoToken(Exception):
    """There is no access token; ``str`` is a sentence for the mailbox's user. ``credentials``: until it is set up anew."""

    def __init__(self, text: str, *, credentials: bool = False) -> None:
        super().__init__(text)
        self.credentials = credentials


@dataclass(frozen=True, slots=True)
class Grant:
    """What a refresh token has brought. ``expires``: Unix seconds. ``name`` is a hash of the token that the user entered."""

    name: str
    refresh: str
    access: str = ""
    expires: float = 0.0


class Tokens:
    """Of all users. Whoever logs in asks ``login``, at every login."""

    def __init__(self, media: Media, memory: Memory, clock: Clock) -> None:
        self._media = media
        self._memory = memory
        self._clock = clock
        self._grants: dict[str, list[Grant]] = {}  # newest last
        self._unsaved: set[str] = set()
        self._turns: dict[str, asyncio.Lock] = {}

    async def login(self, owner: str, mailing: Mailing, refused: str = "") -> Mailing:
        """``mailing`` with a secret that is good just now, as far as can be told. ``refused`` is the one that a server wants
        no more. Raises ``NoToken`` and ``NotStored``."""
        client = mailing.renewal
        if client is None:
            return mailing
        # One at a time: a refresh token may be good for one use only.
        async with self._turns.setdefault(owner, asyncio.Lock()):
            name = _fingerprint(mailing.secret, client)
            grants = await self._known(owner)
            grant = next((each for each in grants if each.name == name), Grant(name, mailing.secret))
            over = grant.expires - _EARLY <= self._clock.now()
            if over or not grant.access or grant.access == refused:
                grant = await self._renewed(owner, grant, client)
                self._unsaved.add(owner)
            # The one that was used last is the last to be forgotten.
            self._grants[owner] = [*[each for each in grants if each.name != name][-(_KEPT - 1) :], grant]
            if owner in self._unsaved:
                await self._save(owner)
            return replace(mailing, secret=grant.access, renewal=None)

    def forget(self, owner: str) -> None:
        """The user is erased."""
        for each in (self._grants, self._turns):
            each.pop(owner, None)
        self._unsaved.discard(owner)

    async def _known(self, owner: str) -> list[Grant]:
        if owner not in self._grants:
            kept = (await self._memory.recall(owner, "")).get(_NAME, "")
            self._grants[owner] = [Grant(**each) for each in json.loads(kept)] if kept else []
        return self._grants[owner]

    async def _save(self, owner: str) -> None:
        value = json.dumps([asdict(each) for each in self._grants[owner]])
        await self._memory.remember(owner, "", _NAME, value, secret=True)
        self._unsaved.discard(owner)

    async def _renewed(self, owner: str, grant: Grant, client: Client) -> Grant:
        # RFC 6749 §6; the client's secret in the form (§2.3.1), which Google and Microsoft want.
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh, "client_id": client.id}
        form |= {"client_secret": client.secret} if client.secret else {}
        form |= {"scope": client.scope} if client.scope else {}
        try:
            answer = await self._media.exchange(client.endpoint, form, owner)
        except MediaError as error:
            raise NoToken(
                f"Your access to the mailbox cannot be renewed just now. {error.refused.text}"
            ) from error
        said = _read(answer)
        access, refresh = _token(said, "access_token"), _token(said, "refresh_token")
        if answer.status != 200 or not access:
            raise _refused(answer, said, client)
        _log.info("an access token was renewed", user=owner)
        expires = self._clock.now() + _life(said.get("expires_in"))
        return replace(grant, refresh=refresh or grant.refresh, access=access, expires=expires)


def _refused(answer: WebAnswer, said: Mapping[str, object], client: Client) -> NoToken:
    """RFC 6749 §5.2, in words for the user."""
    error = said.get("error")
    match error:
        case "invalid_grant":
            return NoToken(
                "Your provider does not accept the refresh token of your mailbox any more: it was revoked, has expired, or "
                "was given to another client. Allow the access anew at your provider, and register again with the new "
                "token.",
                credentials=True,
            )
        case "invalid_client" | "unauthorized_client" if client.operators:
            _log.error("the OAuth client of this gateway is refused", endpoint=client.endpoint, error=error)
            return NoToken(
                "Your provider does not accept this gateway any more, so your mailbox cannot be opened: ask the operator of "
                "the gateway to look at its OAuth client."
            )
        case "invalid_client" | "unauthorized_client":
            return NoToken(
                "Your provider does not accept the client ID and client secret that your refresh token was given to: "
                "register again with the right ones.",
                credentials=True,
            )
        case "invalid_scope" | "invalid_request" | "unsupported_grant_type":
            return NoToken(
                f"Your provider does not renew this token ({error}): allow the access anew, for reading and sending mail "
                "and for access while you are away, and register again with the new token.",
                credentials=True,
            )
    words = (
        f"error {error}"
        if isinstance(error, str) and error.isidentifier() and len(error) < 60
        else "no token"
    )
    return NoToken(
        f"Your access to the mailbox cannot be renewed just now: the provider answered {answer.status}, {words}."
    )


def _read(answer: WebAnswer) -> Mapping[str, object]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _token(said: Mapping[str, object], name: str) -> str:
    """Empty if there is none that could go into a line."""
    token = said.get(name)
    usable = isinstance(token, str) and len(token) <= _TOKEN_MOST and token.isascii() and token.isprintable()
    return str(token) if usable else ""


def _life(seconds: object) -> float:
    """Some endpoints write the number as a string."""
    try:
        life = float(seconds) if isinstance(seconds, int | float | str) else _LIFE
    except ValueError:
        life = _LIFE
    return min(max(life, 0.0), _LONGEST_LIFE) if not math.isnan(life) else _LIFE


def _fingerprint(token: str, client: Client) -> str:
    words = "\0".join((client.endpoint, client.id, token)).encode()
    return base64.b32encode(hashlib.sha256(words).digest()[:15]).decode()
