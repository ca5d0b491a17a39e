"""Callbacks of providers made worse: changed after they were signed, when nothing of them may be taken, and before, when
they are genuine nonsense. ``python -m tests.fuzz.sms_webhooks --cases N --seed S``; everything follows from the seed."""

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import replace
from urllib.parse import quote

from bridges.sms.http import library
from bridges.sms.http.bodies import BadBody, pairs
from bridges.sms.http.calling import Answered, Caller
from bridges.sms.http.webhooks import RouteDesk, Terms
from bridges.sms.traffic import Accepted, Inbound, OptOut, Rejected, Report, Unknown
from tests.fakes import sms_signing as signing
from tests.fakes.clock import ManualClock
from tests.fakes.sms_providers import FAMILIES, PEM, Family
from tests.fakes.sms_signing import Post
from tests.fuzz.sms.runs import Report as Found
from tests.fuzz.sms.runs import Watch

BASE = "https://gw.example/bridge/sms"
URL = f"{BASE}/main/0123456789abcdef0123456789abcdef"
_STATUSES = {200, 204, 401, 403, 405, 422, 500, 503}
_PIECES = (
    *(b"\0", b"%00", b"\\u0000", b"\\ud83d", b"\\udc00", b"\xff\xfe", b"\xed\xa0\x80", b"%ff", b"%"),
    *(b"&", b"=", b"[", b"]", b"{", b"}", b'"', b",", b":", b"null", b"true", b"1e999", b"-1", b"NaN"),
    *(
        b"[" * 300,
        b'{"a":' * 30,
        b"9" * 5000,
        b"x" * 70_000,
        b'"to":[]',
        b'"media":[{"url":{}}]',
        b"NumMedia=9",
    ),
    *(
        b"&udh=ff",
        b"&concat-ref=1&concat-total=3&concat-part=9",
        b"&status=failed",
        b"&From=x&From=y",
        b"message-",
    ),
)


class Sink:
    """``traffic.Intake`` that looks at what comes, and keeps nothing."""

    def __init__(self) -> None:
        self.taken = 0

    async def received(self, inbound: Inbound) -> None:
        self._fit(inbound.text, inbound.sender, inbound.recipient, inbound.id, *inbound.others)

    async def reported(self, report: Report) -> None:
        self._fit(report.id, report.reference, report.code, report.why.text if report.why else "")

    async def opted(self, optout: OptOut) -> None:
        self._fit(optout.ours, optout.theirs)

    def trouble(self, route: str, text: str) -> None:
        self._look(text)

    def _fit(self, *texts: str) -> None:
        self.taken += 1
        for each in texts:
            self._look(each)

    def _look(self, text: str) -> None:
        text.encode()
        if "\0" in text:
            raise AssertionError("NUL came through")


def worse(chance: random.Random, data: bytes) -> bytes:
    """One to four changes."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + chance.choice(_PIECES) + data[at:]
            case 2:
                end = min(len(data), at + chance.randint(1, 20))
                data = data[:at] + data[end:]
            case 3:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 4:
                data = data[:at] + data[at : at + 40] + data[at:]
            case _:
                data = data[:at] + chance.randbytes(chance.randint(1, 8)) + data[at:]
    return data


def _post(chance: random.Random, family: Family) -> Post:
    if family.report is not None and chance.random() < 0.5:
        return family.report(URL, "ref1", chance.choice(["delivered", "failed"]))
    return family.message(URL)


def _changed(chance: random.Random, post: Post) -> Post:
    if post.method == "GET":
        path, _, query = post.url.partition("?")
        return replace(post, url=f"{path}?{quote(worse(chance, query.encode()), safe='%&=+')}")
    return replace(post, body=worse(chance, post.body))


async def one(name: str, chance: random.Random, clock: ManualClock) -> None:
    """A callback of ``name``; raises for what must not be."""
    family = FAMILIES[name]
    preset = library.preset(name)
    sink = Sink()
    secret = {"secret": signing.TELNYX_PUBLIC if name == "telnyx" else signing.TOKEN}
    desk = RouteDesk("main", preset, URL.rpartition("/")[2], Terms(BASE, secret), sink, clock)
    now = clock.now()
    post = _post(chance, family)
    if genuine := chance.random() < 0.6:
        post = _changed(chance, post)
    ascii_form = post.kind != signing.FORM or (post.body.isascii() and b"\0" not in post.body)
    if not ascii_form:
        genuine = False
        headers: dict[str, str] = {}
    else:
        post = family.prepare(post, now) if name != "vonage-sms" or genuine is False else _resigned(post, now)
        headers = family.sign(post, now, "1")
    sent = post if genuine else _changed(chance, post)
    if chance.random() < 0.1:
        headers = {
            key: value[: chance.randrange(len(value) + 1)] + "\udcff" for key, value in headers.items()
        }
    request = sent.request(BASE, **headers)
    if chance.random() < 0.1:
        kind = chance.choice(["", "text/plain", signing.JSON, signing.FORM, "multipart/form-data", "\udcff"])
        others = [pair for pair in request.headers if pair[0] != "Content-Type"]
        request = replace(request, headers=(*others, ("Content-Type", kind)))
    answer = await desk.take(request, "")
    if answer.status not in _STATUSES:
        raise AssertionError(f"answered {answer.status}")
    covered = preset.signature.scheme != "none" and "X-Plivo-Signature-V2" not in headers
    if covered and not genuine and sink.taken and _differs(post, sent):
        raise AssertionError("took what was changed after it was signed")


def _resigned(post: Post, now: float) -> Post:
    return signing.vonage_sms(replace(post, body=post.body.partition(b"&timestamp")[0]), now)


def _differs(left: Post, right: Post) -> bool:
    """As a form or as it is: changes that mean the same are none."""
    if left.kind == signing.FORM and left.method == "POST":
        return sorted(set(_pairs(left.body))) != sorted(set(_pairs(right.body)))
    if left.method == "GET":
        return left.url != right.url
    return left.body != right.body


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return pairs(body.decode("latin-1"))
    except BadBody:
        return [("?", "?")]


def answered(name: str, chance: random.Random) -> None:
    """An answer to a request of ours, made worse: it is an outcome, and never one that says more than is known."""
    family = FAMILIES[name]
    caller = Caller(
        library.preset(name),
        {},
        {"private_key": signing.TOKEN} if name != "vonage-messages" else {"private_key": PEM},
    )
    said = family.taken if chance.random() < 0.5 else family.refused
    body = said.body if isinstance(said.body, str) else json.dumps(said.body)
    status = chance.choice([said.status, 200, 201, 202, 204, 301, 400, 401, 404, 408, 429, 500, 502, 503])
    retry = chance.choice(["", "5", "x", "-1", "1e9", "Sat, 21 Nov 2026 12:00:00 GMT", "9" * 400])
    outcome = caller.judged(Answered(status, worse(chance, body.encode()), retry), 1_700_000_000.0)
    if isinstance(outcome, Accepted) and status not in library.preset(name).answer.taken:
        raise AssertionError("took a refusal for success")
    if isinstance(outcome, Rejected):
        outcome.why.text.encode()
        if not 0 <= outcome.later <= 86_400:
            raise AssertionError("an endless pause")
    elif isinstance(outcome, Unknown):
        outcome.text.encode()


async def run(seed: int, cases: int, found: Found) -> None:
    clock = ManualClock()
    names = sorted(FAMILIES)
    for number in range(cases):
        chance = random.Random(f"{seed}-{number}")
        name = names[number % len(names)]
        found.cases[name] = found.cases.get(name, 0) + 1
        with Watch(found, f"--seed {seed}, case {number} ({name})"):
            if chance.random() < 0.2:
                answered(name, chance)
            else:
                await one(name, chance, clock)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sms_webhooks", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="cases in all (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, help="everything follows from it (default: 1)")
    given = parser.parse_args()
    found = Found()
    began = time.process_time()
    asyncio.run(run(given.seed, given.cases, found))
    print(found.text())
    print(f"seed {given.seed}, {time.process_time() - began:.0f} s of processor time")
    return 1 if found.defects else 0


if __name__ == "__main__":
    sys.exit(main())
