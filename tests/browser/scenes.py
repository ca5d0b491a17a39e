"""Gateways to look at: as on a usual day, in trouble, quiet, and huge."""

import math
import random
from dataclasses import replace

from gateway.bridge import Clock, Finding, Verdict
from gateway.ops.desk import LimitView, RuleView
from gateway.ops.status import (
    BridgeView,
    Direction,
    FailureGroup,
    FilesView,
    GatewayView,
    LinkView,
    Point,
    QueueView,
    SessionView,
    Span,
    TraceView,
    TrafficView,
)
from tests.fakes.desk import FakeDesk

NOW = 1_763_739_130.0
_OWNERS = (
    "ann@example.org",
    "محمد.العربي@مثال.إختبار",
    "a.very.long.name.that.never.seems.to.end.and.then.goes.on.for.a.while@subdomain.of.a.provider.example.net",
    "שרה@דוגמה.ישראל",
    "bob@example.org",
    "дмитрий@пример.рф",
    "<script>alert(1)</script>@example.org",
    "\u202egro.elpmaxe@evil",
)
_NETWORKS = ("irc.libera.chat", "irc.oftc.net", "irc.a-very-long-network-name.example.museum", "hackint")


def points(span: Span, busy: float, seed: int, *, failing: bool = False) -> list[Point]:
    chance = random.Random(seed)
    step, number = (60, 60) if span is Span.HOUR else (900, 96)
    first = (NOW // step - number + 1) * step
    made = []
    for index in range(number):
        time = first + index * step
        wave = 1 + math.sin(2 * math.pi * (time % 86_400) / 86_400 - 1.2)
        incoming = int(chance.expovariate(1 / (busy * wave * step / 60 + 1e-9))) if busy else 0
        outgoing = int(chance.expovariate(1 / (busy * wave * step / 150 + 1e-9))) if busy else 0
        failed = chance.randrange(1, 4) if failing and chance.random() < 0.1 else 0
        half = 0.003 * chance.lognormvariate(0, 0.4) if incoming or outgoing else None
        made.append(
            Point(time, incoming, outgoing, failed, half, half * chance.uniform(2, 40) if half else None)
        )
    return made


def sessions(number: int, seed: int = 1) -> tuple[SessionView, ...]:
    chance = random.Random(seed)
    made = []
    for index in range(number):
        owner = _OWNERS[index % len(_OWNERS)] if index < 20 else f"user{index}@example.org"
        network = _NETWORKS[index % len(_NETWORKS)]
        draw = chance.random()
        if draw < 0.02:
            state, reason, due = "bad-credentials", "The network did not take the password (464).", None
        elif draw < 0.04:
            state, reason, due = "stopped", "K-lined: no open proxies, please (irc.libera.chat)", None
        elif draw < 0.1:
            state, reason, due = "transient-disconnect", "Connection reset by peer", NOW + 40 + index % 300
        elif draw < 0.12:
            state, reason, due = "waiting", "", NOW + 3
        elif draw < 0.2:
            state, reason, due = "idle", "", None
        else:
            state, reason, due = "connected", "", None
        made.append(SessionView(owner, network, state, reason, due, chance.randrange(0, 12)))
    order = [
        "bad-credentials",
        "stopped",
        "transient-disconnect",
        "waiting",
        "connecting",
        "connected",
        "idle",
    ]
    return tuple(sorted(made, key=lambda each: order.index(each.state)))


def bridge(name: str, title: str, number: int, **parts: object) -> BridgeView:
    all_sessions = sessions(number)
    states: dict[str, int] = {}
    for each in all_sessions:
        states[each.state] = states.get(each.state, 0) + 1
    usual: dict[str, object] = {
        "name": name,
        "kind": name,
        "title": title,
        "jid": f"{name}.example.org",
        "link": LinkView("up", since=NOW - 93_000),
        "states": states,
        "sessions": all_sessions,
        "queues": (QueueView("user", 12, NOW - 340), QueueView("network", 0)),
        "traffic": {
            Direction.IN: TrafficView(184_032, 3, 4.2, 0.0031, 0.021),
            Direction.OUT: TrafficView(61_200, 12, 1.4, 0.0028, 0.034),
        },
    }
    return BridgeView(**{**usual, **parts})


def view(*bridges: BridgeView, **parts: object) -> GatewayView:
    usual: dict[str, object] = {
        "version": "0.1.0",
        "pid": 4242,
        "started": NOW - 93_100,
        "now": NOW,
        "ready": True,
        "log_level": "info",
        "database": "SQLite in /var/lib/causeway/causeway.db",
        "memory": 84_000_000,
    }
    return GatewayView(**{**usual, **parts, "bridges": bridges})


def _three(number: int) -> tuple[BridgeView, ...]:
    return (
        bridge("irc", "IRC", number),
        bridge(
            "email",
            "Email at mail.example.org",
            number // 3,
            queues=(QueueView("network", 2, NOW - 31), QueueView("email_drafts", 1, NOW - 4)),
            traffic={
                Direction.IN: TrafficView(4_032, 0, 0.05, 0.021, 0.18),
                Direction.OUT: TrafficView(812, 1, 0.01, 0.6, 2.4),
            },
            files={
                Direction.IN: FilesView(412, 380_400_000, 3, 1),
                Direction.OUT: FilesView(37, 12_300_000),
            },
        ),
        bridge(
            "sms",
            "SMS",
            number // 6,
            queues=(),
            traffic={
                Direction.IN: TrafficView(402, 0, 0.01, 0.008, 0.03),
                Direction.OUT: TrafficView(377, 0, 0.0, 1.1, 4.8),
            },
        ),
    )


class Busy(FakeDesk):
    """Every bridge has its own history."""

    busy: float = 6.0
    failing: bool = False

    def history(self, bridge: str, span: Span) -> list[Point]:
        shares = {"irc": 1.0, "email": 0.1, "sms": 0.02}
        slow = {"irc": 1.0, "email": 30.0, "sms": 200.0}[bridge]
        made = points(span, self.busy * shares[bridge], len(bridge), failing=self.failing and bridge != "sms")
        return [
            replace(
                each,
                p50=each.p50 * slow if each.p50 else None,
                p99=each.p99 * slow / 4 if each.p99 else None,
            )
            for each in made
        ]


def usual(clock: Clock) -> FakeDesk:
    return _filled(Busy(clock, view(*_three(240))))


def troubled(clock: Clock) -> FakeDesk:
    irc, email, sms = _three(240)
    refused = LinkView(
        "refused",
        "The XMPP server does not take the secret for irc.example.org: set component_secret to the one in "
        "causeway.toml.",
        NOW + 50,
        NOW - 400,
    )
    irc = bridge("irc", "IRC", 240, link=refused)
    desk = _filled(Busy(clock, view(irc, email, sms, ready=False)))
    desk.failing = True
    desk.health.report("link of irc", refused.reason, bridge="irc")
    desk.health.report(
        "disk",
        "Only 120 MB are free in /var/lib/causeway, and files for users need 200: make room, or lower media.space_mb.",
        hard=False,
    )
    ailments = tuple(replace(each, since=NOW - 400) for each in desk.health)
    desk.view = view(irc, email, sms, ready=False, ailments=ailments)
    desk.groups = _failures()
    return desk


def quiet(clock: Clock) -> FakeDesk:
    """Nobody has used it yet."""
    nothing = {Direction.IN: TrafficView(), Direction.OUT: TrafficView()}
    desk = FakeDesk(clock, view(bridge("irc", "IRC", 0, queues=(), traffic=nothing)))
    desk.points = {span: points(span, 0, 1) for span in Span}
    return desk


def huge(clock: Clock) -> FakeDesk:
    desk = _filled(Busy(clock, view(*_three(10_000))))
    desk.busy = 400.0
    return desk


def _filled(desk: Busy) -> Busy:
    labels = (
        ("messages_per_minute", "Messages a minute, of one user", 120),
        ("messages_burst", "Messages at once, of one user", 120),
        ("messages_per_second_total", "Messages a second, of all users", 1000),
        ("joins_per_minute", "Rooms joined a minute, of one user", 120),
        ("new_contacts_per_hour", "New contacts an hour, of one user", 60),
        ("media_bytes_per_day", "Bytes of files a day, of one user", 1_000_000_000),
    )
    desk.known_limits = {
        each.name: [
            LimitView(name, label, 30 if name == "joins_per_minute" else value, value, 0, 10**12)
            for name, label, value in labels
        ]
        for each in desk.view.bridges
    }
    desk.known_rules = [
        RuleView("irc", "mallory@evil.example", False, "Spam in #causeway", "page", NOW - 9_000),
        RuleView("sms", "محمد.العربي@مثال.إختبار", True, "", "ann@example.org", NOW - 90_000),
        RuleView("irc", "evil.example.net", False, "", "root on the console", NOW - 400_000),
    ]
    desk.traces = {"m1": _traces()}
    desk.findings = _findings()
    return desk


def _failures() -> list[FailureGroup]:
    return [
        FailureGroup(
            "irc", Direction.OUT, "remote-server-timeout: the network did not answer", 17, NOW - 80_000, NOW - 40,
            ("01hq8zj3m9", "01hq8zj2aa", "a-client-id-that-is-as-long-as-a-uuid-0123456789"),
        ),
        FailureGroup("email", Direction.OUT, "not-acceptable: the smarthost said 552", 1, NOW - 3000, NOW - 3000, ("m1",)),
        FailureGroup("sms", Direction.IN, "policy-violation: more than this gateway carries", 1200, NOW - 70_000, NOW - 2),
    ]  # fmt: skip


def _traces() -> list[TraceView]:
    return [
        TraceView(
            "m1",
            "email",
            Direction.OUT,
            "waits for the network",
            (
                (NOW - 63, "gateway", "taken on", "from ann@example.org"),
                (NOW - 62.9, "gateway", "handed to the bridge", ""),
                (NOW - 58, "email", "composed", "1 recipient"),
                (NOW - 57, "email", "refused for now", "451 4.7.1 Greylisted, try again in five minutes"),
            ),
        )
    ]


def _findings() -> list[Finding]:
    return [
        Finding(Verdict.OK, "The XMPP server takes the link and its secret.", "irc: link"),
        Finding(
            Verdict.NOTE,
            "Stanzas over 256 kB are cut off by the server; longer messages are sent in parts.",
            "irc: stanza limit",
            "component_stanza_size_limit = 1024*512",
            "prosody.cfg.lua",
        ),
        Finding(
            Verdict.FAIL,
            "The component has no right to read rosters, so contacts are not kept in them.",
            "irc: roster right",
            'VirtualHost "example.org"\n    modules_enabled = { "privilege" }\n    privileged_entities = {\n'
            '        ["irc.example.org"] = { roster = "both", message = "outgoing" },\n    }',
            "prosody.cfg.lua",
        ),
        Finding(Verdict.UNKNOWN, "The smarthost is not asked while mail is being sent.", "email: smarthost"),
    ]
