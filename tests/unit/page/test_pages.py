"""What stands on the pages, and what forms do."""

import pytest

from gateway.bridge import Finding, Verdict
from gateway.clock import SystemClock
from gateway.ops.desk import DeskError, LimitView, Reloaded, RuleView
from gateway.ops.status import Direction, FailureGroup
from tests.browser import scenes
from tests.fakes.desk import FakeDesk
from tests.unit.page.house import House, bridge, house, view
from tests.unit.page.test_entry import csrf

PAGES = ("/", "/?span=day", "/accounts", "/messages", "/messages?id=m1", "/failures", "/limits", "/access")
PAGES += ("/doctor", "/gateway", "/restart?bridge=irc")


async def act(place: House, path: str, **fields: str) -> str:
    """Send a form as the page does; gives the page that comes then."""
    fields["csrf"] = csrf((await place.get("/gateway"))[1])
    status, _, response = await place.post(path, fields)
    assert status == 303
    status, text, _ = await place.get("/" + response.headers["Location"].removeprefix("./"))
    assert status == 200
    return text


@pytest.mark.parametrize("scene", ["usual", "troubled", "quiet", "huge"])
async def test_every_page_of_every_gateway_is_small_and_sound(scene):
    async with house(desk=getattr(scenes, scene)(SystemClock())) as place:
        await place.sign_in()
        assets = 0
        for asset in {each.split('"')[0] for each in (await place.get("/"))[1].split('="assets/')[1:]}:
            assets += len((await place.get(f"/assets/{asset}"))[1])
        for path in PAGES:
            status, text, response = await place.get(path)
            assert status == 200, path
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert len(text.encode()) + assets < 65_000, path
            assert text.count("<h1") == text.count("<main") == 1


async def test_names_of_strangers_are_only_ever_text():
    async with house(desk=scenes.huge(SystemClock())) as place:
        await place.sign_in()
        text = (await place.get("/accounts?q=alert"))[1]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;@example.org" in text
        assert "<script>" not in text
        text = (await place.get("/accounts?q=evil"))[1]
        assert "\u202e" not in text
        assert "\\u202egro.elpmaxe@evil" in text


async def test_accounts_are_found_by_bridge_state_and_words():
    async with house(desk=scenes.huge(SystemClock())) as place:
        await place.sign_in()
        text = (await place.get("/accounts?bridge=sms&state=connected&q=HACKINT+user"))[1]
        assert text.count("<tr") == 51
        assert "Page 1 of" in text
        assert "wrong password</td>" not in text
        assert 'href="accounts?bridge=sms&amp;state=connected&amp;q=HACKINT+user&amp;page=2"' in text
        text = (await place.get("/accounts?page=999999"))[1]
        assert "Next</a>" not in text
        assert "No account is like this" in (await place.get("/accounts?q=nobody-at-all"))[1]


async def test_ailments_stand_on_top_and_what_is_behind_them_is_said():
    async with house(desk=scenes.troubled(SystemClock())) as place:
        await place.sign_in()
        text = (await place.get("/"))[1]
        assert text.index("Only 120 MB are free") < text.index('id="name-irc"')
        assert "Not carrying messages" in text
        assert "link refused" in text
        assert "Next try in 50 s" in text
        assert "<title>Not carrying messages" in text


async def test_failures_lead_to_the_messages():
    async with house() as place:
        await place.sign_in()
        place.desk.groups = [FailureGroup("irc", Direction.OUT, "gone: <b>", 3, 1.0, 2.0, ("a/b c",))]
        text = (await place.get("/failures"))[1]
        assert "gone: &lt;b&gt;" in text
        assert 'href="messages?id=a/b%20c"' in text


async def test_a_message_is_searched_by_its_id():
    async with house(desk=scenes.usual(SystemClock())) as place:
        await place.sign_in()
        text = (await place.get("/messages?id=m1"))[1]
        assert "Waits for the network" in text
        assert text.index("taken on") < text.index("Greylisted")
        assert "Nothing is known of" in (await place.get("/messages?id=other"))[1]
        assert place.desk.done == [("trace", "m1"), ("trace", "other")]


async def test_only_changed_limits_are_told_to_the_desk():
    async with house() as place:
        await place.sign_in()
        place.desk.known_limits["irc"] = [
            LimitView("joins", "Joins", 30, 120, 0, 999),
            LimitView("texts", "Texts", 60, 60, 1, 999),
            LimitView("files", "Files", 7, 5, 0, 999),
        ]
        text = await act(place, "/limits", bridge="irc", joins="30", texts="", files="")
        assert "The limits of irc are changed" in text
        assert "Files: 5" in text
        assert place.desk.done == [("limits", "irc", {"files": None}, "page")]
        text = await act(place, "/limits", bridge="irc", joins="30", texts="60", files="7")
        assert "nothing was changed" in text
        assert len(place.desk.done) == 1


@pytest.mark.parametrize("typed", ["-1", "1.5", "many", "1e3", "٣", "1000", "9" * 40])
async def test_what_is_no_limit_is_said_beside_what_was_typed(typed):
    async with house() as place:
        await place.sign_in()
        place.desk.known_limits["irc"] = [LimitView("joins", "Joins", 30, 120, 0, 999)]
        form = {"bridge": "irc", "joins": typed, "csrf": csrf((await place.get("/limits"))[1])}
        status, text, _ = await place.post("/limits", form)
        assert (status, "Nothing was changed" in text) == (422, True)
        assert f'value="{typed}"' in text
        assert not place.desk.done


async def test_somebody_is_shut_out_and_let_in_again():
    async with house() as place:
        await place.sign_in()
        text = await act(
            place, "/decide", bridge="irc", subject="bad@evil.example", decision="deny", reason="Spam"
        )
        assert "bad@evil.example is shut out of irc" in text
        await act(place, "/decide", bridge="irc", subject="ann@example.org", decision="allow")
        await act(place, "/lift", bridge="irc", subject="bad@evil.example")
        assert place.desk.done == [
            ("decide", "irc", "bad@evil.example", False, "Spam", "page"),
            ("decide", "irc", "ann@example.org", True, "", "page"),
            ("lift", "irc", "bad@evil.example", "page"),
        ]
        assert "Say whom" in await act(place, "/decide", bridge="irc", subject=" ")


async def test_rules_are_searched_and_paged():
    async with house() as place:
        await place.sign_in()
        place.desk.known_rules = [
            RuleView("irc", f"user{number}@example.org", False, "", "page", float(number))
            for number in range(250)
        ]
        text = (await place.get("/access?page=3"))[1]
        assert "Page 3 of 3" in text
        assert "user0@example.org" in text
        text = (await place.get("/access?q=USER249"))[1]
        assert text.count("<bdi>user") == 1


async def test_the_log_level_a_reload_and_a_restart_are_told_to_the_desk():
    async with house() as place:
        await place.sign_in()
        place.desk.reloaded = Reloaded("", ("The log level is info.",), ("bridges.irc.jid",))
        assert "log level is debug" in await act(place, "/log-level", level="debug")
        assert "Choose one of" in await act(place, "/log-level", level="loud")
        text = await act(place, "/reload")
        assert "The log level is info." in text
        assert "bridges.irc.jid" in text
        assert "irc was restarted" in await act(place, "/restart", bridge="irc")
        assert place.desk.done == [
            ("log level", "debug", "page"),
            ("reload", "page"),
            ("restart", "irc", "page"),
        ]


async def test_a_configuration_that_cannot_be_used_is_told_with_the_reason():
    async with house() as place:
        await place.sign_in()
        place.desk.reloaded = Reloaded("causeway.toml, line 3: no such key.\nline 9: also wrong.")
        text = await act(place, "/reload")
        assert "the old one holds" in text
        assert "<li>line 9: also wrong.</li>" in text


async def test_what_the_desk_cannot_do_is_a_sentence():
    async with house() as place:
        await place.sign_in()
        place.desk.broken = "The database is gone: look at the disk."
        for path, fields in (
            ("/reload", {}),
            ("/restart", {"bridge": "irc"}),
            ("/lift", {}),
            ("/log-level", {"level": "info"}),
        ):
            text = await act(place, path, **fields)
            assert "The database is gone: look at the disk." in text
            assert 'role="alert"' in text
        status, text, _ = await place.get("/messages?id=1", headers={"Accept": "text/html"})
        assert status == 503
        assert "The database is gone: look at the disk." in text


class Mute(FakeDesk):
    """Cannot even say how the gateway is, or fails without a word."""

    error: Exception = DeskError("The gateway is ending.")

    def status(self, sessions=0):
        raise self.error


async def test_a_desk_that_says_nothing_is_an_error_page():
    async with house(desk=Mute(SystemClock(), view())) as place:
        await place.sign_in()
        for path in ("/", "/accounts", "/gateway"):
            status, text, _ = await place.get(path)
            assert (status, text) == (503, "The gateway is ending.\n")


async def test_a_fault_of_ours_tells_nothing_about_us():
    desk = Mute(SystemClock(), view())
    desk.error = ValueError("secret detail")
    async with house(desk=desk) as place:
        await place.sign_in()
        status, text, _ = await place.get("/", headers={"Accept": "text/html"})
        assert status == 500
        assert "its log says what" in text
        assert "secret detail" not in text


async def test_findings_come_one_by_one_with_lines_to_paste():
    async with house() as place:
        await place.sign_in()
        place.desk.findings = [
            Finding(Verdict.OK, "Well.", "irc: link"),
            Finding(Verdict.FAIL, "Ill <b>.", "disk", "rm -r x\ny", "a shell"),
        ]
        form = {"csrf": csrf((await place.get("/doctor"))[1]), "bridge": "irc"}
        status, text, _ = await place.post("/doctor", form)
        assert status == 200
        assert (
            text.index("Well.")
            < text.index("Ill &lt;b&gt;.")
            < text.index("rm -r x\ny")
            < text.index("Done.")
        )
        assert "1 ok, 1 failed." in text
        place.desk.broken = "There is no bridge of this name."
        text = (await place.post("/doctor", form))[1]
        assert "There is no bridge of this name." in text
        assert "1 unknown." in text


async def test_places_that_do_not_exist_are_said_so():
    async with house() as place:
        await place.sign_in()
        for path, up in (("/none", "./"), ("/a/b/c", "../../")):
            status, text, _ = await place.get(path, headers={"Accept": "text/html"})
            assert status == 404
            assert f'href="{up}"' in text
        assert (await place.get("/restart?bridge=none"))[0] == 404
        assert (await place.post("/accounts"))[0] == 405


async def test_a_gateway_without_bridges_says_what_to_do():
    desk = FakeDesk(SystemClock(), view())
    desk.view = type(desk.view)(
        **{**{each: getattr(desk.view, each) for each in desk.view.__slots__}, "bridges": ()}
    )
    async with house(desk=desk) as place:
        await place.sign_in()
        assert "No bridge is configured" in (await place.get("/"))[1]
        assert (await place.get("/limits"))[0] == 200


async def test_odd_states_are_shown_as_they_are():
    odd = bridge(states={"new-state": 2, "connected": 1})
    async with house(desk=FakeDesk(SystemClock(), view(odd))) as place:
        await place.sign_in()
        text = (await place.get("/"))[1]
        assert "<b>2</b> new-state" in text
        assert '<li><b>12</b> in, 34 MB, <b>2</b> refused <span class="quiet">1 under way</span></li>' in text
        assert "</b> out," not in text  # where there were no files
