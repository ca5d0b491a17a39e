"""``[operator]``: what can be set about running the gateway. See ``gateway.settings``."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.values import Table, is_loopback, listen_value


class OperatorSettings(Table):
    """``[operator]``: how whoever runs the gateway reaches it while it runs. Relative paths start at the configuration
    file's directory."""

    socket: Path = Field(
        Path("causeway.sock"),
        description="The socket through which `causeway status` and others reach the running gateway; only its user and "
        "root may.",
    )
    listen: Annotated[str, AfterValidator(listen_value)] = Field(
        "",
        description="Address and port of the operator's page, the metrics and the health endpoints. Empty: none.",
    )
    allow_remote: bool = Field(
        False, description="Allow another address than this machine's in listen. There is no TLS on it."
    )
    token: SecretStr | None = Field(
        None, description="What opens the page and the metrics; at least 16 characters."
    )
    token_file: Path | None = Field(None, description="A file that holds the token instead.")
    proxy_user_header: str = Field(
        "",
        max_length=100,
        pattern=r"^[A-Za-z0-9-]*$",
        description="A header in which your web server, from an address in web.trusted_proxies, names who was let in; the "
        "token is not asked for then.",
    )
    hosts: tuple[str, ...] = Field(
        (), description="Names that the page is called by besides localhost and the address in listen."
    )
    open_metrics: bool = Field(
        False, description="Give the metrics to whoever reaches listen, without a token."
    )
    disk_free_mb: float = Field(
        200.0,
        ge=0,
        description="Less free space than this where data is kept is reported as trouble. 0: never.",
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.listen:
            return self
        if self.token is None and self.token_file is None and not self.proxy_user_header:
            raise ValueError(
                "token is missing: whoever reaches listen could shut users out. Set token_file, token, or "
                "proxy_user_header if your web server asks who it is"
            )
        if not self.allow_remote and not is_loopback(self.address[0]):
            raise ValueError(
                f"listen is at {self.address[0]}, which others reach, and there is no TLS: use 127.0.0.1 and your web "
                "server in front, or set allow_remote = true if you trust the network"
            )
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)
