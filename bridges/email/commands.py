"""Commands of the email bridge, at the gateway's own address: held mail, people, addresses, and what admins decide."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from bridges.email.addresses import Mailbox, fold, parse
from bridges.email.composing.places import Place, Said
from bridges.email.identity import Kind, Taken
from bridges.email.office import Office
from bridges.email.orders import Order, Unasked
from bridges.email.parts import Parts
from bridges.email.receiving.arrivals import Arrival
from bridges.email.receiving.blocks import TooMany
from bridges.email.receiving.screening import Choice, Reason
from gateway.bridge import (
    Ask,
    AskAgain,
    BadAddress,
    BridgeCommand,
    Finish,
    Invocation,
    NextStep,
    NotStored,
)
from gateway.model import Field, FieldKind, Refused

Step = Callable[[Invocation], Awaitable[NextStep]]

_NOT_YET = Finish("The gateway has just begun; try again in a moment.", failed=True)
_NOT_STORED = Finish("The gateway cannot use its database just now; try again in a minute.", failed=True)
_WHY = {
    Reason.STRANGER: "from somebody new",
    Reason.CLOSED: "from somebody new",
    Reason.SPAM: "marked as spam",
    Reason.UNWANTED: "from somebody whose mail you take for spam",
    Reason.UNVERIFIED: "not proven to come from there",
}
_ADDRESS = "address"


class MailCommands:
    """``gateway.bridge.Commanding``, all of it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def declared(self) -> Sequence[BridgeCommand]:
        return (
            self._command(
                "allow", "Take mail of somebody", self._deciding(Choice.ALLOW, "is shown from now on")
            ),
            self._command(
                "once", "Show what is held of somebody, once", self._deciding(Choice.ONCE, "is shown")
            ),
            self._command(
                "block", "Refuse mail of somebody", self._deciding(Choice.BLOCK, "is refused from now on")
            ),
            self._command(
                "spam", "Keep mail of somebody away", self._deciding(Choice.SPAM, "is held from now on")
            ),
            self._command(
                "held-mail",
                "Mail that is held",
                self._held,
                "See what is kept from you, and show it or drop it.",
            ),
            self._command(
                "block-list",
                "Addresses and domains whose mail I refuse",
                self._blocks,
                "One address or domain a line; a domain is all below it too.",
            ),
            self._command(
                "mail-addresses",
                "My mail addresses",
                self._addresses,
                "See your addresses, choose another one, give one up, or tell the gateway of one you have elsewhere.",
            ),
            self._command(
                "confirm-address",
                "Confirm an address that I have elsewhere",
                self._confirm,
                "With the code that came there.",
            ),
            self._command(
                "mail-action",
                "Do something with the newest mail of somebody",
                self._act,
                "See it as it came, answer its invitation, open its thread as a room, or leave its mailing list.",
            ),
            self._command(
                "suspended-users",
                "Users who may not send mail",
                self._suspended,
                "Too much of what they sent came back. Let them send again.",
                admins=True,
            ),
            self._command(
                "block-for-all",
                "Addresses and domains whose mail nobody gets",
                self._blocks_for_all,
                "One address or domain a line; a domain is all below it too.",
                admins=True,
            ),
        )

    def _command(
        self, node: str, name: str, run: Step, help_: str = "", *, admins: bool = False
    ) -> BridgeCommand:
        async def guarded(invocation: Invocation) -> NextStep:
            if self._office.parts is None:
                return _NOT_YET
            try:
                return await run(invocation)
            except NotStored:
                return _NOT_STORED
            except BadAddress as error:
                return AskAgain(str(error))

        return BridgeCommand(node, name, guarded, help_, admins)

    @property
    def _parts(self) -> Parts:
        parts = self._office.parts
        if parts is None:
            raise NotStored("The bridge has not begun.")
        return parts

    # -- people ------------------------------------------------------------------------------------------------

    def _deciding(self, choice: Choice, words: str) -> Step:
        async def deciding(invocation: Invocation) -> NextStep:
            if not invocation.stage:
                return Ask("Whose mail?", (_address_field(),))
            mailbox = parse(invocation.text(_ADDRESS))
            count = await self._parts.quarantine.decide(invocation.user, mailbox, choice)
            session = self._office.people.session(invocation.user)
            if session is not None:
                await session.look_again(mailbox.folded)
            held = f" It concerns {_number(count)} that waited." if count else ""
            return Finish(f"Mail of {mailbox.exact} {words}.{held}")

        return deciding

    async def _blocks(self, invocation: Invocation) -> NextStep:
        return await self._list(invocation, invocation.user)

    async def _blocks_for_all(self, invocation: Invocation) -> NextStep:
        return await self._list(invocation, "")

    async def _list(self, invocation: Invocation, owner: str) -> NextStep:
        blocks = self._parts.receiving.blocks
        before = blocks.of(owner)
        if not invocation.stage:
            shown = "\n".join(each.removeprefix("@") for each in before)
            field = Field("patterns", "Addresses and domains", FieldKind.LINES, shown)
            return Ask("Whose mail is refused", (field,))
        wanted = [line for line in invocation.text("patterns").splitlines() if line.strip()]
        try:
            kept = [await blocks.add(owner, each, self._now()) for each in wanted]
        except TooMany:
            return AskAgain("That is more than can be kept.")
        for gone in set(before) - set(kept):
            await blocks.remove(owner, gone)
        return Finish(f"{_number(len(kept), 'entry', 'entries')} on the list.")

    # -- what is held ------------------------------------------------------------------------------------------

    async def _held(self, invocation: Invocation) -> NextStep:
        held = await self._parts.quarantine.held(invocation.user)
        if not invocation.stage:
            if not held:
                return Finish("Nothing is held.")
            options = tuple((each.id, _described(each)) for each in held)
            which = Field("which", "Which", FieldKind.CHOICES, options=options, required=True)
            what = Field(
                "what",
                "What to do",
                FieldKind.CHOICE,
                "show",
                options=(("show", "Show me"), ("drop", "Drop; nobody is told")),
            )
            return Ask(f"{_number(len(held))} held", (which, what))
        chosen = set(invocation.values.get("which", ()))
        ids = [each.id for each in held if each.id in chosen]
        if invocation.text("what") == "drop":
            return Finish(f"{_number(await self._parts.quarantine.drop(invocation.user, ids))} dropped.")
        return Finish(
            f"{_number(await self._parts.quarantine.release(invocation.user, ids))} on the way to you."
        )

    # -- addresses ---------------------------------------------------------------------------------------------

    async def _addresses(self, invocation: Invocation) -> NextStep:
        identities, owner = self._office.identities, invocation.user
        mine = identities.of(owner)
        if not invocation.stage:
            shown = "\n".join(
                f"{each.mailbox.exact}{' (not confirmed)' if each.code else ''}" for each in mine
            )
            sender = identities.sender(owner)
            options = [("choose", "Choose another address"), ("elsewhere", "Tell of an address elsewhere")]
            if any(each.kind is not Kind.TEMPLATE for each in mine):
                options.append(("give-up", "Give an address up"))
            fields = (
                Field("shown", "Yours", FieldKind.FIXED, shown or "none"),
                Field(
                    "what", "What to do", FieldKind.CHOICE, "choose", options=tuple(options), required=True
                ),
                Field(_ADDRESS, "Which address", required=True),
            )
            return Ask("My mail addresses", fields, f"Your mail comes from {sender.exact}." if sender else "")
        text = invocation.text(_ADDRESS)
        try:
            match invocation.text("what"):
                case "choose":
                    mailbox = await identities.choose(owner, text)
                    return Finish(
                        f"{mailbox.exact} is yours. Register again to have your mail come from there."
                    )
                case "give-up":
                    gone = await identities.give_up(owner, parse(text))
                    return Finish(
                        "It is given up." if gone else "That is no address you can give up.", failed=not gone
                    )
                case _:
                    return await self._elsewhere(owner, parse(text))
        except Taken as error:
            return AskAgain(str(error))

    async def _elsewhere(self, owner: str, mailbox: Mailbox) -> NextStep:
        """The code goes by a mail of the user's own, who asked for it."""
        code = await self._office.identities.ask_for(owner, mailbox)
        said = Said(
            f"The code for {mailbox.exact} is {code}.\n\nIf you did not ask for it, somebody has mistaken your address for "
            "theirs; then nothing has to be done.",
            subject="Your code",
        )
        self._parts.composer.write(
            owner, Place.contact(mailbox), said, Unasked(self._office.people, Order(owner, mailbox.folded))
        )
        return Finish(
            f"A code is on its way to {mailbox.exact}. Enter it with the command “confirm-address”."
        )

    async def _confirm(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            waiting = [each for each in self._office.identities.of(invocation.user) if each.code]
            if not waiting:
                return Finish("No code is waited for.")
            options = tuple((each.mailbox.exact, each.mailbox.exact) for each in waiting)
            which = Field(
                _ADDRESS, "Address", FieldKind.CHOICE, options[0][0], options=options, required=True
            )
            return Ask("Confirm an address", (which, Field("code", "Code", required=True)))
        mailbox = parse(invocation.text(_ADDRESS))
        try:
            right = await self._office.identities.confirm(invocation.user, mailbox, invocation.text("code"))
        except Taken as error:
            return Finish(str(error), failed=True)
        return Finish(f"{mailbox.exact} is known as yours.") if right else AskAgain("That is not the code.")

    # -- one mail ----------------------------------------------------------------------------------------------

    async def _act(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            options = (
                (".original", "See it as it came"),
                (".room", "Open its thread as a room"),
                (".accept", "Accept its invitation"),
                (".decline", "Decline its invitation"),
                (".tentative", "Answer its invitation with maybe"),
                (".unsubscribe", "Leave its mailing list"),
            )
            what = Field(
                "what", "What to do", FieldKind.CHOICE, options[0][0], options=options, required=True
            )
            return Ask("About the newest mail of somebody", (_address_field(), what))
        order = Order(invocation.user, fold(invocation.text(_ADDRESS)))
        said = await self._parts.orders.done(invocation.text("what"), order)
        if isinstance(said, Refused):
            return Finish(said.text, failed=True)
        return Finish(said or "Done.")

    # -- admins ------------------------------------------------------------------------------------------------

    async def _suspended(self, invocation: Invocation) -> NextStep:
        reasons = self._office.suspensions.reasons
        if not invocation.stage:
            if not reasons:
                return Finish("Nobody is suspended.")
            options = tuple((owner, f"{owner}: {why}") for owner, why in sorted(reasons.items()))
            which = Field("who", "Let send again", FieldKind.CHOICES, options=options, required=True)
            return Ask("Users who may not send mail", (which,))
        pardoned = [
            each for each in invocation.values.get("who", ()) if await self._office.suspensions.pardon(each)
        ]
        return Finish(f"{_number(len(pardoned), 'user')} may send again.")

    def _now(self) -> float:
        return self._parts.now()


def _address_field() -> Field:
    return Field(_ADDRESS, "Mail address", help="Like alice@example.com.", required=True)


def _described(arrival: Arrival) -> str:
    day = f"{datetime.fromtimestamp(arrival.received, UTC):%Y-%m-%d %H:%M}"
    why = _WHY.get(Reason(arrival.reason), "") if arrival.reason in list(Reason) else ""
    who = arrival.author or "nobody who is named"
    return f"{day} {who}: {arrival.subject[:80] or '(no subject)'}{f' ({why})' if why else ''}"


def _number(count: int, noun: str = "mail", several: str = "") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"
