"""What can be wrong with the smarthost itself, in sentences with a remedy. A fault of it is never the fault of a mail."""

import os
import socket
import ssl
from enum import StrEnum

import aiosmtplib

from bridges.email.sending.replies import one_line


class Fault(StrEnum):
    """At which step; its value is what is said of it."""

    CONNECT = (
        "{place} cannot be reached: {why}. Check `host` and `port` of [bridges.email.smarthost], "
        "and that the mail server listens there"
    )
    SILENT = (
        "{place} does not answer in time. Check that it is a mail server, "
        "and that `port` and `tls` of [bridges.email.smarthost] fit each other (587: starttls, 465: tls)"
    )
    GREETING = "{place} takes no mail from here just now: {why}"
    HELLO = "{place} refuses our name: {why}. Set `hello` of [bridges.email.smarthost] to the name of this machine"
    NOT_TLS = (
        "{place} does not speak TLS from the first byte: {why}. "
        'Set `tls` of [bridges.email.smarthost] to "starttls" (usual on port 587), or use port 465'
    )
    NO_STARTTLS = (
        "{place} does not offer STARTTLS. Set up TLS there, or use its port for submission (587 or 465); "
        'only on this machine, or in a network that is safe, set `tls` of [bridges.email.smarthost] to "none"'
    )
    STARTTLS = "{place} offers STARTTLS, which then fails: {why}"
    CERTIFICATE = (
        "The certificate of {place} is not good: {why}. Use the name in the certificate as `host`, "
        "or name its authority in `ca_file` of [bridges.email.smarthost]"
    )
    PASSWORD_IN_CLEAR = (
        "{place} is another machine, and without TLS the password is not sent there. "
        'Set `tls` of [bridges.email.smarthost] to "starttls" or "tls"'
    )
    NO_LOGIN = (
        "{place} offers no login on this connection, and `username` of [bridges.email.smarthost] is set. "
        "Remove it if the server lets this machine send without a login, else use its port for submission (587 or 465)"
    )
    LOGIN = (
        "{place} does not accept the login: {why}. "
        "Check `username` and `password` of [bridges.email.smarthost], and that the account may send"
    )
    LOGIN_WANTED = (
        "{place} wants a login before it takes mail: {why}. "
        "Set `username` and `password` of [bridges.email.smarthost], or let the server trust this machine's address"
    )


class SmarthostTrouble(Exception):
    """No mail can be sent this way just now; the text is one sentence for operators, with what to do."""

    def __init__(self, fault: Fault, place: str, why: str = "") -> None:
        super().__init__(fault.value.format(place=place, why=why or "it says no more"))
        self.fault = fault
        self.why = why


def explain(step: Fault, place: str, error: BaseException) -> SmarthostTrouble:
    """What ``error``, at this step, tells of the smarthost."""
    if isinstance(error, SmarthostTrouble):
        return error
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return SmarthostTrouble(Fault.CERTIFICATE, place, one_line(tls.verify_message or str(tls)))
    if tls is not None:
        return SmarthostTrouble(Fault.NOT_TLS if step is Fault.CONNECT else Fault.STARTTLS, place, _said(tls))
    if isinstance(error, TimeoutError):
        return SmarthostTrouble(Fault.SILENT, place)
    if isinstance(error, aiosmtplib.SMTPConnectResponseError):
        return SmarthostTrouble(Fault.GREETING, place, _said(error))
    return SmarthostTrouble(step, place, _said(error))


def _said(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return one_line(f"{error.code} {error.message}").rstrip(".")
    cause = error.__cause__
    if isinstance(error, aiosmtplib.SMTPConnectError) and isinstance(cause, OSError) and cause.errno:
        resolving = isinstance(cause, socket.gaierror)
        return one_line(str(cause.strerror) if resolving else os.strerror(cause.errno))
    return one_line(str(error)).rstrip(".") or type(error).__name__


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The TLS error behind it, as libraries wrap them."""
    for _ in range(5):
        if error is None or isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__
    return None
