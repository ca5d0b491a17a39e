"""The command by which people get, see and give up their client certificate for a network."""

from datetime import UTC, datetime

from bridges.irc.certificates import Certificates, ClientCertificate
from gateway.bridge import Ask, AskAgain, BridgeCommand, Finish, Invocation, NextStep
from gateway.model import Field, FieldKind

_SHOW, _MAKE, _REMOVE = "show", "make", "remove"
_TITLE = "Client certificate"


class CertificateCommands:
    """Offered at the address of a network."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def declared(self) -> BridgeCommand:
        return BridgeCommand(
            "client-certificate",
            _TITLE,
            self._run,
            "Log in to your account on the network by a certificate instead of a password (SASL EXTERNAL, CertFP).",
        )

    async def _run(self, invocation: Invocation) -> NextStep:
        user, network = invocation.user, invocation.address.network
        known = await self._certificates.find(user, network)
        if not invocation.stage:
            return _ask(network, known)
        action = invocation.text("action")
        if action == _REMOVE:
            await self._certificates.remove(user, network)
            return Finish(
                f"You have no certificate for {network} any more. At your next connection you log in with your password, if "
                "you have set one. Tell the network to forget the certificate: CERT DEL, to NickServ."
            )
        if action == _MAKE or known is None:
            known = await self._certificates.make(user, network)
            note = f"This is your new certificate for {network}."
        elif action == _SHOW:
            note = f"This is your certificate for {network}."
        else:
            return AskAgain("Choose one of the actions.")
        return Finish(note, result=_described(known, network))


def _ask(network: str, known: ClientCertificate | None) -> Ask:
    if known is None:
        options: tuple[tuple[str, str], ...] = ((_MAKE, "Make a certificate for me"),)
        words = (
            f"The gateway makes a key and a certificate for you, keeps them encrypted, and shows them to {network} whenever "
            "it connects you. Once you have told the network's services, the certificate is your login."
        )
    else:
        options = (
            (_SHOW, "Show its fingerprints"),
            (_MAKE, "Make a new one in its place"),
            (_REMOVE, "Remove it"),
        )
        words = f"You have a certificate for {network}."
    field = Field(
        "action", "What to do", FieldKind.CHOICE, default=options[0][0], required=True, options=options
    )
    return Ask(f"{_TITLE} for {network}", (field,), words)


def _described(certificate: ClientCertificate, network: str) -> str:
    until = f"{datetime.fromtimestamp(certificate.expires, UTC):%Y-%m-%d}"
    return "\n".join(
        (
            f"SHA-256: {certificate.sha256}",
            f"SHA-512: {certificate.sha512}",
            f"Valid until {until}.",
            "",
            f"It is used from your next connection on: run “reconnect” for {network} if you are connected. Then log in to "
            "your account as before, and write to NickServ (services of some networks want one of the fingerprints "
            "behind it):",
            "CERT ADD",
        )
    )
