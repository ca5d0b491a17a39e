"""Trying the ports of a network one after the other, and telling in one sentence why none would do."""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bridges.irc.dial import ConnectFailed, Endpoint
from bridges.irc.profile import Profile
from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

C = TypeVar("C")

_CERTIFICATE_DELAY = 300.0  # seconds: certificates are not mended sooner


async def dial(
    profile: Profile,
    attempt: Callable[[Endpoint], Awaitable[C]],
    progress: Callable[[str], None],
    *,
    endpoints: Sequence[Endpoint] | None = None,
) -> C:
    """The first connection that opens to one of ``endpoints`` (if not said, the profile's own). ``progress`` is told each
    step in biboumi's words. Raises ``SessionEnded``.

    A certificate that is not trusted ends it before any port without encryption is tried: whoever can show a false
    certificate could read along there. So does a name without address: no port would change that.
    """
    network = profile.network
    reasons: list[str] = []
    distrusted = False
    for endpoint in profile.endpoints if endpoints is None else endpoints:
        obstacle = _obstacle(profile, endpoint, distrusted)
        if obstacle:
            reasons.append(obstacle)
            continue
        encrypted = "encrypted" if endpoint.tls is not None else "not encrypted"
        progress(f"Connecting to {network}:{endpoint.port} ({encrypted})")
        try:
            connection = await attempt(endpoint)
        except ConnectFailed as failed:
            reason = str(failed)
            reasons.append(reason)
            cause = failed.__cause__
            progress(f"Connection failed: {_short(cause) or reason}")
            if isinstance(cause, socket.gaierror):
                raise SessionEnded(
                    Refused(Condition.ITEM_NOT_FOUND, f"{_short(cause)}: {reason}")
                ) from failed
            distrusted = distrusted or failed.certificate
            continue
        progress(f"Connected to IRC server{' (encrypted)' if endpoint.tls is not None else ''}.")
        return connection
    raise _unreachable(network, reasons, distrusted)


def _obstacle(profile: Profile, endpoint: Endpoint, distrusted: bool) -> str:
    """Why a port is not to be tried at all; empty if it is."""
    if endpoint.tls is not None:
        return ""
    if distrusted:
        return (
            f"Port {endpoint.port} was not tried without encryption because the certificate is not trusted."
        )
    if profile.sasl is not None and profile.sasl_required and not profile.settings.allow_plaintext_login:
        return (
            f"Port {endpoint.port} was not tried because your SASL password would travel over it unencrypted."
        )
    return ""


def _unreachable(network: str, reasons: list[str], distrusted: bool) -> SessionEnded:
    if not reasons:
        return SessionEnded(
            Refused(
                Condition.NOT_ALLOWED,
                f"There is no port to connect to {network} on. Set TLS ports or ports in the gateway's settings.",
                ErrorType.CANCEL,
            ),
            retry=False,
            credentials=True,
        )
    text = f"Cannot connect to {network}: {' '.join(dict.fromkeys(reasons))}"
    if distrusted:
        return SessionEnded(
            Refused(Condition.POLICY_VIOLATION, text, ErrorType.CANCEL), delay=_CERTIFICATE_DELAY
        )
    return SessionEnded(Refused(Condition.REMOTE_SERVER_NOT_FOUND, text))


def _short(cause: BaseException | None) -> str:
    """The system's own words, as biboumi shows them ("Connection refused")."""
    if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, TimeoutError):
        return "Domain name not found" if isinstance(cause, socket.gaierror) else cause.strerror
    return ""
