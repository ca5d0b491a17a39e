"""The part of the tour about mail: alice and dora, who has a mailbox and no idea of XMPP."""

from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from gateway.playground.cast import Cast, Step
from gateway.playground.expect import Unmet
from gateway.playground.mail import ELSEWHERE, LOST, OURS, Delivered, Post
from gateway.playground.match import error_text, message

_BODY = "{jabber:client}body"
_RECEIVED = "{urn:xmpp:receipts}received"
_PATIENCE = 20.0  # a mail waits for more lines, and passes two servers
_DORA, _GHOST = f"dora@{ELSEWHERE}", f"nobody@{LOST}"


def _mail(sender: str, subject: str, text: str, *fields: str) -> bytes:
    head = (f"From: {sender}", f"To: alice@{OURS}", f"Subject: {subject}", *fields, "MIME-Version: 1.0")
    head = (*head, "Content-Type: text/plain; charset=utf-8", "")
    return "\r\n".join((*head, *text.split("\n"), "")).encode()


class MailTour:
    """Needs the email bridge, and nobody of the IRC side."""

    def __init__(self, cast: Cast, post: Post) -> None:
        self._cast = cast
        self._post = post
        self._dora = cast.gateway.mailbox(_DORA)
        self._ghost = cast.gateway.mailbox(_GHOST)
        self._first: Delivered | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            ("alice registers, and has a mail address", self._register),
            ("Two lines in a chat become one mail", self._write),
            ("dora answers, and the answer is in the chat, without what alice wrote herself", self._answer),
            ("Somebody forges a mail from dora, and it is not in her chat", self._forge),
            ("alice writes to a mailbox that does not exist, and is told", self._bounce),
        )

    async def _register(self) -> None:
        self._cast.sends("alice", f"registers with {self._cast.gateway.mail_jid} as Alice Liddell")
        form = "<query xmlns='jabber:iq:register'><nick>Alice Liddell</nick></query>"
        answer = await self._cast.alice.iq(self._cast.gateway.mail_jid, form, type="set")
        if answer.get("type") != "result":
            raise Unmet(f"alice expected to be registered, but was told: {error_text(answer)}")
        self._cast.sees("alice", f"her address is alice@{OURS}")

    async def _write(self) -> None:
        alice = self._cast.alice
        self._cast.sends("alice", f"to {self._dora}: Dear Dora, / tea at five? (and asks for a receipt)")
        alice.say(self._dora, "Dear Dora,")
        id = alice.new_id()
        alice.send(
            f"<message to={quoteattr(self._dora)} type='chat' id='{id}'><body>tea at five?</body>"
            "<request xmlns='urn:xmpp:receipts'/></message>"
        )
        box = self._post.mailboxes.of(_DORA)
        self._first = await box.take(
            lambda got: got.text == "Dear Dora,\ntea at five?", "one mail", _PATIENCE
        )
        mail = self._first.message
        self._cast.sees("dora", f"From: {mail['From']}\nSubject: {mail['Subject']}\n\n{self._first.text}")
        received = message(self._dora, also=lambda one: _receipt_for(one, id))
        await alice.expect(received, "a receipt", _PATIENCE)
        self._cast.sees("alice", "the receipt: the mail server has it")

    async def _answer(self) -> None:
        if self._first is None:
            raise Unmet("dora expected a mail to answer")
        id = self._first.message["Message-ID"]
        text = "With pleasure!\n\nOn Saturday, Alice Liddell wrote:\n> Dear Dora,\n> tea at five?"
        self._cast.sends("dora", "answers: With pleasure! (and quotes)")
        raw = _mail(
            f"Dora <{_DORA}>", "Re: Dear Dora", text, f"In-Reply-To: {id}", "Message-ID: <d1@post.localhost>"
        )
        await self._post.send(_DORA, f"alice@{OURS}", raw=raw)
        got = await self._cast.alice.expect(
            message(self._dora, also=_says("With pleasure!")), "the answer", _PATIENCE
        )
        said = got.findtext(_BODY) or ""
        if "wrote:" in said:
            raise Unmet(f"alice expected the quote to be folded, but got: {said}")
        self._cast.sees("alice", f"dora: {said}")

    async def _forge(self) -> None:
        self._cast.sends("mallory", f"a mail that says it is from {_DORA}")
        raw = _mail(f"Dora <{_DORA}>", "Urgent", "Send me your password.", "Message-ID: <m1@evil.localhost>")
        await self._post.send("mallory@evil.localhost", f"alice@{OURS}", raw=raw)
        mail_jid = self._cast.gateway.mail_jid
        got = await self._cast.alice.expect(message(mail_jid, also=_says("password")), "a warning", _PATIENCE)
        self._cast.sees("alice", f"the gateway: {got.findtext(_BODY)}")

    async def _bounce(self) -> None:
        self._cast.sends("alice", f"to {self._ghost}: Is anybody there?")
        self._cast.alice.say(self._ghost, "Is anybody there?")
        told = message(self._ghost, also=_says("not delivered"))
        got = await self._cast.alice.expect(told, "news of it", _PATIENCE)
        self._cast.sees("alice", got.findtext(_BODY) or "")


def _says(words: str) -> Callable[[Element], bool]:
    return lambda one: words in (one.findtext(_BODY) or "")


def _receipt_for(stanza: Element, id: str) -> bool:
    found = stanza.find(_RECEIVED)
    return found is not None and found.get("id") == id
