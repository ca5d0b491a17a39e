"""What an operator can set about renewing tokens: the model of ``[bridges.email.oauth.NAME]``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridges.email.attached.renewal import KNOWN, Client, Preset


class OAuthSettings(BaseModel):
    """``[bridges.email.oauth.NAME]``: a client of the operator's at a provider of tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1, max_length=1000, description="As the provider has given it to you.")
    client_secret: SecretStr | None = Field(default=None, description="If it has one.")
    client_secret_file: Path | None = Field(default=None, description="A file that holds it instead.")
    token_url: str = Field(
        default="",
        max_length=1000,
        pattern="(https://.+)?",
        description="Where tokens are renewed. Known for `google` and `microsoft`. A server in your own network has to be "
        "among `trusted_hosts` of [media].",
    )
    servers: tuple[str, ...] = Field(
        default=(),
        max_length=50,
        description="Names of the mail servers that take the tokens. Known for `google` and `microsoft`.",
    )
    scope: str = Field(
        default="", max_length=1000, description="What the tokens are for. Empty: what the user has allowed."
    )

    @model_validator(mode="after")
    def _one_secret(self) -> "OAuthSettings":
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("has both `client_secret` and `client_secret_file`; keep one of them")
        return self

    def preset(self, name: str) -> Preset:
        """Raises OSError if the secret's file cannot be read."""
        known = KNOWN.get(name)
        secret = self.client_secret.get_secret_value() if self.client_secret is not None else ""
        if self.client_secret_file is not None:
            secret = self.client_secret_file.read_text(encoding="utf-8").strip()
        usual = known is not None and not self.token_url
        return Preset(
            frozenset(each.lower() for each in self.servers) or frozenset(known.servers if known else ()),
            Client(
                self.token_url or (known.endpoint if known else ""),
                self.client_id,
                secret,
                self.scope or (known.scope if known is not None and usual else ""),
                operators=True,
            ),
        )
