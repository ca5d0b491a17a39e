"""What an operator can set for a modem: ``[bridges.sms.routes.NAME]`` with ``kind = "gammu"``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bridges.sms.settings import Ours, Table

#: How the drivers that the gateway has anyway are called: none of them blocks.
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def _database(value: str) -> str:
    text = value.strip()
    if text.startswith("/"):
        return f"sqlite:///{text}"
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError(
            "must be the path of smsd's SQLite file, or like postgresql://smsd@host/smsd"
        ) from None
    if url.drivername not in _DRIVERS:
        raise ValueError(
            f"is of the kind {url.drivername}; let smsd keep its tables in SQLite or PostgreSQL (`driver` in gammu-smsdrc)"
        )
    if url.drivername == "sqlite" and not url.database:
        raise ValueError("must name smsd's SQLite file: /var/lib/gammu/smsd.db")
    if url.password is not None:
        raise ValueError("holds a password; write it in `password`")
    return text


class GammuRoute(Table):
    """A modem or phone that gammu-smsd looks after, with ``service = sql``."""

    kind: Literal["gammu"] = Field(description='"gammu": a modem, by gammu-smsd.')
    database: Annotated[str, AfterValidator(_database)] = Field(
        max_length=1000,
        description="The tables of smsd: the path of its SQLite file (`dbdir` and `database` of gammu-smsdrc), or "
        "postgresql://user@host/name.",
    )
    password: SecretStr | None = Field(default=None, description="The password there, for PostgreSQL.")
    number: Ours = Field(description="The number of its SIM, as in `numbers`: what comes in is to it.")
    phone: str = Field(
        default="",
        max_length=255,
        description="Its phoneid of gammu-smsdrc, where several modems share the tables. Empty: it is the only one.",
    )
    poll: float = Field(
        default=1.0, ge=0.1, le=60, description="Seconds between two looks at what the modem has done."
    )
    silence: float = Field(
        default=180.0,
        ge=10,
        le=86_400,
        description="Seconds without a sign of smsd (its statusfrequency is 60), after which other routes are asked.",
    )
    most_segments: int = Field(
        default=10, ge=1, le=255, description="Segments of one message; more is refused."
    )

    @property
    def url(self) -> URL:
        """For SQLAlchemy. A SQLite file is never made by looking for it."""
        url = make_url(self.database)
        if url.drivername == "sqlite":
            return url.set(
                drivername=_DRIVERS["sqlite"],
                database=f"file:{url.database}",
                query={"mode": "rw", "uri": "true"},
            )
        url = url.set(drivername=_DRIVERS[url.drivername])
        return url if self.password is None else url.set(password=self.password.get_secret_value())

    @property
    def shown(self) -> str:
        """How messages name the database."""
        return make_url(self.database).render_as_string(hide_password=True)
