"""What can be done by a form: each act is told to the desk, and what became of it stands on the page that comes next."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from urllib.parse import urlencode

from aiohttp import web

from gateway.ops.desk import Desk, DeskError, LimitView
from gateway.page.entry import Visitor
from gateway.page.notices import Notice, Notices
from gateway.page.views import LEVELS, Views

_SECONDS = 60.0  # for whatever it is
_LONGEST_SUBJECT = 2_000
_LONGEST_REASON = 500
_DIGITS = 18

Form = Mapping[str, str]
Act = Callable[[web.Request, Visitor, Form], Coroutine[None, None, web.StreamResponse]]


class Acts:
    """``done`` are the handlers of forms by their paths."""

    def __init__(self, desk: Desk, views: Views, notices: Notices) -> None:
        self._desk = desk
        self._views = views
        self._notices = notices
        self.done: Mapping[str, Act] = {
            "/limits": self.limits,
            "/decide": self.decide,
            "/lift": self.lift,
            "/log-level": self.log_level,
            "/restart": self.restart,
            "/reload": self.reload,
        }

    async def _tell(self, page: str, act: Coroutine[None, None, Notice], **fields: str) -> web.StreamResponse:
        """Do it, and go to ``page``, which says what became of it."""
        try:
            async with asyncio.timeout(_SECONDS):
                notice = await act
        except DeskError as error:
            notice = Notice(str(error), failed=True)
        except TimeoutError:
            notice = Notice(
                f"It was not done within {_SECONDS:.0f} seconds; whether it still happens, the log says.",
                failed=True,
            )
        place = f"{page}?{urlencode({**fields, 'notice': self._notices.keep(notice)})}"
        return web.Response(status=303, headers={"Location": place})

    async def limits(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        bridge = form.get("bridge", "")
        known = self._desk.limits(bridge)
        wrong = {each.name: text for each in known if (text := _wrong(each, form.get(each.name, "")))}
        if wrong:
            return self._views.limits_of(request, visitor, bridge, form, wrong)
        values = {each.name: _value(form[each.name]) for each in known if each.name in form}
        changed: dict[str, int | None] = {
            each.name: values[each.name]
            for each in known
            if each.name in values
            and (values[each.name] if values[each.name] is not None else each.configured) != each.value
        }

        async def act() -> Notice:
            if not changed:
                return Notice("Nothing was different, so nothing was changed.")
            await self._desk.change_limits(bridge, changed, visitor.author)
            labels = tuple(
                f"{each.label}: {changed[each.name] if changed[each.name] is not None else each.configured}"
                for each in known
                if each.name in changed
            )
            return Notice(f"The limits of {bridge} are changed, from now on.", lists=(("Now", labels),))

        return await self._tell("limits", act(), bridge=bridge)

    async def decide(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        bridge, subject = form.get("bridge", ""), form.get("subject", "")
        reason = form.get("reason", "")[:_LONGEST_REASON]
        allow = form.get("decision") == "allow"

        async def act() -> Notice:
            if not subject or len(subject) > _LONGEST_SUBJECT:
                raise DeskError("Say whom: a user's address, such as ann@example.org, or a domain.")
            await self._desk.decide(bridge, subject, allow, reason, visitor.author)
            done = "may use" if allow else "is shut out of"
            return Notice(f"{subject} {done} {bridge}, from now on.")

        return await self._tell("access", act())

    async def lift(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        bridge, subject = form.get("bridge", ""), form.get("subject", "")

        async def act() -> Notice:
            await self._desk.lift(bridge, subject, visitor.author)
            return Notice(f"The rule about {subject} on {bridge} is taken back.")

        return await self._tell("access", act())

    async def log_level(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        level = form.get("level", "")

        async def act() -> Notice:
            if level not in LEVELS:
                raise DeskError(f"Choose one of {', '.join(LEVELS)}.")
            self._desk.set_log_level(level, visitor.author)
            return Notice(f"The log level is {level} until the next reload or start.")

        return await self._tell("gateway", act())

    async def restart(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        bridge = form.get("bridge", "")

        async def act() -> Notice:
            await self._desk.restart(bridge, visitor.author)
            return Notice(f"{bridge} was restarted.")

        return await self._tell("./", act())

    async def reload(self, request: web.Request, visitor: Visitor, form: Form) -> web.StreamResponse:
        async def act() -> Notice:
            became = await self._desk.reload(visitor.author)
            if became.problem:
                return Notice(
                    "The configuration cannot be used, and the old one holds.",
                    failed=True,
                    lists=(("Why", tuple(became.problem.splitlines())),),
                )
            lists = [
                ("Changed", became.changed),
                ("Needs a restart", became.restart),
                ("Failed", became.failed),
            ]
            text = (
                "The configuration was read again."
                if any(each for _, each in lists)
                else "The configuration was read again, and says what it said before."
            )
            shown = tuple((head, each) for head, each in lists if each)
            return Notice(text, failed=bool(became.failed), lists=shown)

        return await self._tell("gateway", act())


def _value(text: str) -> int | None:
    return int(text) if text else None


def _wrong(limit: LimitView, text: str) -> str:
    """What is wrong with what was typed, if anything. Nothing typed: as configured."""
    if not text:
        return ""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return "must be a whole number, or empty"
    if not limit.least <= int(text) <= limit.most:
        return f"must be from {limit.least:,} to {limit.most:,}"
    return ""
