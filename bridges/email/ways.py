"""The ways to other mail servers, as they are configured: the smarthost, and the servers of attached mailboxes."""

import ssl

from bridges.email.addresses import ascii_domain
from bridges.email.attached.dialling import Dialling
from bridges.email.attached.hosts import Hosts
from bridges.email.attached.tokens import Tokens
from bridges.email.config import EmailSettings
from bridges.email.sending.smarthost import Smarthost
from gateway.bridge import Services


def smarthost_of(settings: EmailSettings) -> Smarthost:
    """Raises OSError if the password's file cannot be read."""
    own = settings.smarthost
    password = own.password.get_secret_value() if own.password is not None else ""
    if own.password_file is not None:
        password = own.password_file.read_text(encoding="utf-8").strip()
    return Smarthost(
        own.host,
        own.port,
        own.security,
        own.hello or ascii_domain(settings.domains[0]),
        own.tls_verify,
        own.ca_file,
        own.username,
        password,
        timeout=own.timeout,
        local=own.local,
    )


def dialling_of(settings: EmailSettings, services: Services) -> Dialling:
    # One for all connections: the authorities of the system take a megabyte.
    context = (
        ssl.create_default_context() if settings.account_mode else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    tokens = Tokens(services.media, services.memory, services.clock)
    return Dialling(Hosts(settings.account_hosts), context, ascii_domain(settings.domains[0]), tokens)
