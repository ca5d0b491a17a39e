"""Who may come in, and whose forms are taken."""

import re

import pytest

from gateway.page.entry import _cookie
from gateway.page.sessions import Guesses, Sessions
from tests.fakes.clock import ManualClock
from tests.unit.page.house import TOKEN, house

SEEN = ("/", "/accounts", "/messages?id=1", "/failures", "/limits", "/access", "/doctor", "/gateway")
DONE = ("/limits", "/decide", "/lift", "/log-level", "/restart", "/reload", "/doctor", "/logout")


def csrf(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]


async def test_nothing_is_shown_without_the_token():
    async with house() as place:
        for path in (*SEEN, "/events", "/restart?bridge=irc"):
            status, text, response = await place.get(path)
            assert (status, response.headers["Location"]) == (303, "login"), path
            assert "irc.example.org" not in text
        for path in DONE:
            assert (await place.post(path))[0] == 303, path
        assert not place.desk.done


async def test_the_token_opens_the_page_for_this_browser():
    async with house() as place:
        status, text, _ = await place.post("/login", {"token": "wrong"})
        assert (status, "not the token" in text) == (403, True)
        assert TOKEN not in text
        status, _, response = await place.post("/login", {"token": TOKEN})
        assert (status, response.headers["Location"]) == (303, "./")
        cookie = response.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        for path in SEEN:
            assert (await place.get(path))[0] == 200, path
        assert (await place.get("/login"))[0] == 303


async def test_whoever_signs_out_is_out():
    async with house() as place:
        await place.sign_in()
        kept = place.cookie()
        assert (await place.get("/", headers={"Cookie": kept}))[0] == 200
        form = {"csrf": csrf((await place.get("/"))[1])}
        assert (await place.post("/logout", form))[0] == 303
        status, _, _ = await place.get("/", headers={"Cookie": kept})
        assert status == 303


async def test_one_browser_is_signed_in_at_two_gateways_of_one_machine():
    async with house() as one, house(listen="127.0.0.2:0") as other:
        await one.sign_in()
        await other.sign_in()
        # As a browser does that knows both by one name: ports are nothing to it.
        kept = {each.partition("=")[0]: each for each in (one.cookie(), other.cookie())}
        both = {"Cookie": "; ".join(kept.values())}
        for place in (one, other):
            place.session.cookie_jar.clear()
            assert (await place.get("/", headers=both))[0] == 200
            assert (await place.get("/"))[0] == 303
    names = {_cookie(*each) for each in (("a", "[::1]:1"), ("a", "[::1]:2"), ("b", "[::1]:1"))}
    assert len(names) == 3  # the port, and, through tunnels, the machine


async def test_the_cookie_is_for_encrypted_connections_where_there_are_such():
    async with house({"hosts": ("status.example.org",)}) as place:
        headers = {"Host": "status.example.org", "X-Forwarded-Proto": "https"}
        _, _, response = await place.post("/login", {"token": TOKEN}, headers=headers)
        assert "secure" in response.headers["Set-Cookie"].lower()


@pytest.mark.parametrize(
    "name", ["evil.example", "", "localhost.evil.example", "127.0.0.1.evil", "[::2]", "a b"]
)
async def test_other_names_are_not_answered(name):
    async with house() as place:
        await place.sign_in()
        status, text, _ = await place.get("/", headers={"Host": name})
        assert status in {400, 421}
        assert "irc.example.org" not in text
        assert (await place.post("/login", {"token": TOKEN}, headers={"Host": name}))[0] in {400, 421}


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80", "status.example.org."]
)
async def test_names_of_ours_are_answered_at_any_port(name):
    async with house({"hosts": ("status.example.org",)}) as place:
        await place.sign_in()
        assert (await place.get("/", headers={"Host": name}))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1.evil:80"},
        {"Origin": "http://[::1"},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_forms_of_other_pages_are_not_taken(headers):
    async with house() as place:
        await place.sign_in()
        form = {"csrf": csrf((await place.get("/"))[1])}
        for path in (*DONE, "/login"):
            assert (await place.post(path, form, headers=headers))[0] == 403, path
        assert not place.desk.done


@pytest.mark.parametrize("token", [None, "", "wrong", "x" * 1000, "é"])
async def test_forms_need_the_token_of_the_session(token):
    async with house() as place:
        await place.sign_in()
        form = {} if token is None else {"csrf": token}
        for path in DONE:
            status, text, _ = await place.post(path, form)
            assert (status, "nothing was changed" in text) == (403, True), path
        assert not place.desk.done


async def test_a_form_of_one_session_is_not_taken_from_another():
    async with house() as place:
        await place.sign_in()
        old = csrf((await place.get("/"))[1])
        await place.sign_in()
        assert (await place.post("/reload", {"csrf": old}))[0] == 403
        assert (await place.post("/reload", {"csrf": csrf((await place.get("/"))[1])}))[0] == 303


async def test_forms_are_taken_from_our_own_pages():
    async with house({"hosts": ("status.example.org",)}) as place:
        await place.sign_in()
        form = {"csrf": csrf((await place.get("/"))[1])}
        for origin in (f"http://127.0.0.1:{place.port}", "https://status.example.org"):
            headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
            assert (await place.post("/reload", form, headers=headers))[0] == 303
        assert place.desk.done == [("reload", "page")] * 2


async def test_the_word_of_a_trusted_web_server_is_enough():
    async with house({"proxy_user_header": "X-Remote-User"}) as place:
        headers = {"X-Remote-User": "ann"}
        status, text, _ = await place.get("/", headers=headers)
        assert (status, "Sign out" in text) == (200, False)
        form = {"csrf": csrf((await place.get("/gateway", headers=headers))[1])}
        assert (await place.post("/reload", form, headers=headers))[0] == 303
        assert (await place.post("/reload", form, headers={"X-Remote-User": "bob"}))[0] == 403
        assert place.desk.done == [("reload", "ann")]
        assert (await place.get("/"))[0] == 303  # nobody was named, and the token is asked for


async def test_nobody_else_can_name_somebody():
    async with house({"proxy_user_header": "X-Remote-User", "token": None}, trusted=("192.0.2.1",)) as place:
        headers = {"X-Remote-User": "ann", "X-Forwarded-For": "192.0.2.1"}
        status, text, _ = await place.get("/", headers=headers)
        assert (status, "web.trusted_proxies" in text) == (403, True)
        assert (await place.post("/login", {"token": ""}))[0] == 403
        assert (await place.get("/login"))[0] == 403


@pytest.mark.parametrize("value", ["", " ", "a" * 101, "a\u200eb", "é\x80"])
async def test_odd_names_are_nobody(value):
    async with house({"proxy_user_header": "X-Remote-User"}) as place:
        assert (await place.get("/", headers={"X-Remote-User": value}))[0] == 303


async def test_two_names_are_nobody():
    async with house({"proxy_user_header": "X-Remote-User"}) as place:
        headers = [("X-Remote-User", "ann"), ("X-Remote-User", "bob")]
        assert (await place.get("/", headers=headers))[0] == 303


def bearer(token: str, client: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "X-Forwarded-For": client}


@pytest.mark.parametrize("client", ["127.0.0.1", "192.0.2.1"], ids=["here", "behind a web server"])
async def test_wrong_tokens_are_heard_seldom_and_never_lock_out_the_right_one(client):
    clock = ManualClock()
    async with house(clock=clock) as place:
        stale, right = bearer("rotated long ago", client), bearer(TOKEN, client)
        answers = [await place.get("/metrics", headers=stale) for _ in range(30)]
        assert [status for status, _, _ in answers] == [401] * 5 + [429] * 25
        assert answers[-1][2].headers["Retry-After"] == "21"
        status, text, _ = await place.post("/login", {"token": "guess"}, headers={"X-Forwarded-For": client})
        assert (status, "The right one is always taken" in text) == (429, True)
        assert (await place.get("/metrics", headers=right))[0] == 200
        assert "ailments" in (await place.get("/readyz", headers={**right, "Accept": "application/json"}))[1]
        assert (await place.post("/login", {"token": TOKEN}, headers={"X-Forwarded-For": client}))[0] == 303
        assert (await place.get("/"))[0] == 200
        await clock.advance(21)
        assert (await place.post("/login", {"token": "guess"}))[0] == 403


def test_all_strangers_together_are_bounded():
    guesses = Guesses(ManualClock())
    for number in range(60):
        guesses.wrong(f"198.51.100.{number}")
    assert guesses.wait("203.0.113.1") > 0


def test_a_network_of_ipv6_is_one_client():
    guesses = Guesses(ManualClock())
    for number in range(5):
        guesses.wrong(f"2001:db8::{number}")
    assert guesses.wait("2001:db8::ffff") > 0
    assert guesses.wait("2001:db8:1::1") == 0


def test_what_is_remembered_of_guessers_is_bounded():
    guesses = Guesses(ManualClock())
    for number in range(3_000):
        guesses.wrong(f"10.0.{number // 256}.{number % 256}")
    assert len(guesses._clients) == 1_000


async def test_sessions_end_by_themselves_and_are_few():
    clock = ManualClock()
    sessions = Sessions(clock, most=2, seconds=60)
    first, second, third = (sessions.begin() for _ in range(3))
    assert [sessions.find(each) is not None for each in (first, second, third)] == [False, True, True]
    assert sessions.find("") is None
    await clock.advance(60)
    assert sessions.find(third) is None
