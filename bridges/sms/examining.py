"""What ``causeway doctor`` finds out about texts: every route by itself, and whether numbers, routes, prices and limits go
together. Sends no text, and disturbs no connection.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing

from bridges.sms.config import SmsSettings
from bridges.sms.gammu.settings import GammuRoute
from bridges.sms.office import Office
from bridges.sms.policy import price
from bridges.sms.settings import Mode
from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination, side_by_side

_ROUTE_SECONDS = 40.0  # several steps, each with its own time
_SUBJECT = "numbers"


async def examine(office: Office) -> AsyncIterator[Finding]:
    async def sense() -> Sequence[Finding]:
        return list(configured(office.settings, office))

    # Accounts of users are theirs: what is wrong with one, its user is told.
    configured_ones = [each for each in office.routes.all if each.name in office.settings.routes]
    routes = [Examination(f"route {each.name}", each.examined, _ROUTE_SECONDS) for each in configured_ones]
    examinations = [*routes, Examination("configuration of texts", sense)]
    async with aclosing(side_by_side(examinations)) as found:
        async for finding in found:
            yield finding


def configured(settings: SmsSettings, office: Office) -> Iterator[Finding]:
    """What does not go together, or is stopped."""
    if not settings.routes and not settings.own_accounts:
        yield Finding(
            Verdict.FAIL, "There is no way to the network: add one as [bridges.sms.routes.NAME].", "routes"
        )
        return
    if not settings.numbers and not settings.own_accounts:
        text = "There is no number to text from: add those that you have as [[bridges.sms.numbers]]."
        yield Finding(Verdict.FAIL, text, _SUBJECT)
    troubles = [*_numbers(settings, office), *_money(settings), *_limits(settings)]
    yield from troubles
    if not troubles and settings.numbers:
        many = f"{len(settings.numbers)} number{'' if len(settings.numbers) == 1 else 's'}"
        yield Finding(Verdict.OK, f"{many}, each with a route that sends from it.", _SUBJECT)
    yield from _consent(settings, office)
    yield from _stopped(office)
    if not settings.operator:
        text = "What somebody has to see to stands in the log alone: name a registered user as `operator`."
        yield Finding(Verdict.NOTE, text, "operator of texts")


def _numbers(settings: SmsSettings, office: Office) -> Iterator[Finding]:
    used = {route for each in settings.numbers for route in each.routes}
    for each in settings.numbers:
        ways = [way for name in each.routes if (way := office.routes.find(name)) is not None]
        if not each.number.lstrip("+").isdigit() and not any(way.ways.alphanumeric for way in ways):
            text = f"Nothing can be sent from {each.number}: none of its routes sends from names."
            yield Finding(Verdict.FAIL, text, f"number {each.number}")
        modems = [route for name in each.routes if isinstance(route := settings.routes[name], GammuRoute)]
        if wrong := [modem for modem in modems if modem.number != each.number]:
            text = (
                f"{each.number} has a modem as its route whose SIM is {wrong[0].number}: nothing is sent from it by that. "
                "Correct `number` of the route, or `routes` of the number."
            )
            yield Finding(Verdict.FAIL, text, f"number {each.number}")
        if each.mode is Mode.POOL and not each.inbox:
            text = (
                f"Texts to {each.number}, a pool, from people whom nobody has written to wait for a month: name who gets "
                "them "
                "as `inbox`."
            )
            yield Finding(Verdict.NOTE, text, f"number {each.number}")
    if settings.numbers:
        for name in settings.routes.keys() - used:
            text = f"No number has the route {name}: nothing is sent by it."
            yield Finding(Verdict.NOTE, text, f"numbers of route {name}")


def _money(settings: SmsSettings) -> Iterator[Finding]:
    if not settings.limits.spend_per_day:
        return
    if not settings.prices:
        text = "`spend_per_day` limits nothing, for no price is known: add [[bridges.sms.prices]]."
        yield Finding(Verdict.FAIL, text, "prices of texts")
        return
    free = [
        f"{each.number} by {route}"
        for each in settings.numbers
        if each.number.startswith("+")
        for route in each.routes
        if price(settings, route, each.number) is None
    ]
    if free:
        text = f"Texts to the country of {free[0]} have no price, so `spend_per_day` does not count them: add one."
        yield Finding(Verdict.NOTE, text, "prices of texts")


def _limits(settings: SmsSettings) -> Iterator[Finding]:
    limits, subject = settings.limits, "limits of texts"
    if limits.breaker_per_minute <= limits.segments_per_minute:
        text = (
            f"One user alone may send as much in a minute ({limits.segments_per_minute} segments) as stops everybody "
            f"(`breaker_per_minute`, {limits.breaker_per_minute}): lower `segments_per_minute`."
        )
        yield Finding(Verdict.NOTE, text, subject)
    if limits.segments_per_message > limits.segments_per_minute:
        text = (
            f"A text of {limits.segments_per_message} segments is allowed (`segments_per_message`), and never goes out: "
            "a user "
            f"may send {limits.segments_per_minute} in a minute."
        )
        yield Finding(Verdict.NOTE, text, subject)


def _consent(settings: SmsSettings, office: Office) -> Iterator[Finding]:
    subject, consent = "STOP", settings.consent
    answering = [
        each.name for each in office.routes.all if each.ways.answers_stop and each.name in settings.routes
    ]
    if consent.stop == "block":
        text = "Whoever texts STOP is not texted any more, until START."
        if answering:
            text += f" The providers of {', '.join(answering)} answer by themselves, so that we do not."
        yield Finding(Verdict.OK, text, subject)
        return
    done = "nothing follows" if consent.stop == "off" else "users are told, and may go on"
    text = (
        f'After a STOP {done} (`stop = "{consent.stop}"`), which is for people who write to people; providers and the law '
        'want "block" of all others.'
    )
    yield Finding(Verdict.NOTE, text, subject)


def _stopped(office: Office) -> Iterator[Finding]:
    for prefix, why in office.policy.stopped.items():
        what = f"to {prefix}" if prefix else "to everybody"
        text = f"Texts {what} are stopped: {why}. Look whether an account was stolen, then run the command `sms-breaker`."
        yield Finding(Verdict.FAIL, text, "breaker of texts")
