"""Messages that come while a component is at its end: nobody would carry them any more, and their writers are told so."""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.model import Condition, ErrorType, Refused
from gateway.texts import Text
from gateway.xmpp.stanza import Stanza

_LEAVING = Refused(
    Condition.RECIPIENT_UNAVAILABLE,
    Text("The gateway is being restarted, so this was not sent. Send it again in a minute."),
    ErrorType.WAIT,
)


def turning_away(
    dispatch: Callable[[Element], None], refuse: Callable[[Stanza, Refused], None]
) -> Callable[[Element], None]:
    """``dispatch`` for all but messages: those with a text are refused, the rest (typing, markers) is dropped. Errors and
    answers are still wanted: by them the ledger knows what has arrived."""

    def heard(element: Element) -> None:
        stanza = Stanza(element)
        if stanza.kind != "message" or stanza.type == "error":
            dispatch(element)
        elif stanza.body and stanza.sender.full and stanza.to.full:
            refuse(stanza, _LEAVING)

    return heard
