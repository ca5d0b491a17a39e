"""What machines ask of the operator's listener."""

import base64

import pytest

from tests.unit.page.house import TOKEN, house


async def test_an_answer_says_that_the_process_lives():
    async with house() as place:
        place.desk.health.report("database", "The database is gone.")
        assert (await place.get("/healthz"))[:2] == (200, "alive\n")


async def test_readiness_is_one_word_for_strangers():
    async with house() as place:
        assert (await place.get("/readyz"))[:2] == (200, "ready\n")
        place.desk.health.report("disk", "Little room is left.", hard=False)
        assert (await place.get("/readyz"))[:2] == (200, "ready\n")
        place.desk.health.report("database", "The database is gone.")
        assert (await place.get("/readyz"))[:2] == (503, "not ready\n")
        status, _, response = await place.get("/readyz", headers={"Accept": "application/json"})
        assert (status, await response.json()) == (503, {"ready": False})


async def test_reasons_are_told_with_the_token():
    async with house() as place:
        place.desk.health.report("database", "The database is gone.")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        status, text, _ = await place.get("/readyz", headers=headers)
        assert (status, text) == (503, "not ready\ndatabase: The database is gone.\n")
        _, _, response = await place.get("/readyz", headers={**headers, "Accept": "application/json"})
        (ailment,) = (await response.json())["ailments"]
        assert (ailment["key"], ailment["hard"]) == ("database", True)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"prometheus:{password}".encode()).decode()


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(TOKEN)])
async def test_metrics_are_given_with_the_token(value):
    async with house() as place:
        place.desk.exposition = b"causeway_up 1\n"
        status, text, response = await place.get("/metrics", headers={"Authorization": value})
        assert (status, text) == (200, "causeway_up 1\n")
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer wrong", basic("wrong"), "Basic %%%", "Basic /w==", "Digest x", "Bearer é"]
)
async def test_metrics_are_not_given_without_it(value):
    async with house() as place:
        status, text, response = await place.get("/metrics", headers={"Authorization": value})
        assert status == 401
        assert "operator.token" in text
        assert response.headers["WWW-Authenticate"].startswith("Basic ")


async def test_metrics_can_be_open_to_whoever_asks_by_our_name():
    async with house({"open_metrics": True}) as place:
        assert (await place.get("/metrics"))[0] == 200
        assert (await place.get("/metrics", headers={"Host": "evil.example"}))[0] == 421
