"""What an operator can write for a modem."""

import pytest
from pydantic import ValidationError

from bridges.sms.gammu.settings import GammuRoute


def route(database: str, **more: str) -> GammuRoute:
    return GammuRoute.model_validate(
        {"kind": "gammu", "number": "+12125550001", "database": database, **more}
    )


@pytest.mark.parametrize("written", ["/var/lib/smsd.db", "sqlite:////var/lib/smsd.db"])
def test_a_file_is_opened_and_never_made(written: str) -> None:
    url = route(written).url
    assert url.get_driver_name() == "aiosqlite"
    assert url.database == "file:/var/lib/smsd.db"
    assert url.query == {"mode": "rw", "uri": "true"}


def test_a_password_is_shown_nowhere() -> None:
    settings = route("postgresql://smsd@db/smsd", password="hunter2")
    assert settings.url.password == "hunter2"
    assert settings.url.get_driver_name() == "asyncpg"
    assert "hunter2" not in f"{settings!r} {settings.shown}"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("mysql://smsd@db/smsd", "SQLite or PostgreSQL"),
        ("smsd.db", "must be the path"),
        ("sqlite://", "must name"),
        ("postgresql://smsd:hunter2@db/smsd", "in `password`"),
    ],
)
def test_what_cannot_be_used_is_refused_with_words(written: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        route(written)
