"""What the doctor says of real mail servers: Postfix with a login and a certificate that is good, and one that has ended."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from gateway.bridge import Finding, Services, Verdict
from gateway.clock import SystemClock
from gateway.playground.certificate import make_certificate
from gateway.playground.postfix import Postfix
from gateway.playground.process import free_ports
from gateway.playground.sasl import Logins
from tests.rig.servers import StartPostfix, open_to_daemons

# A domain of our own network: nothing is asked of anybody's DNS.
WELL: dict[str, Any] = {
    "domains": ["mail.localhost"],
    "alias_domain": "mail.localhost",
    "postmaster": "ann@mail.localhost",
    "trust": {"authserv_ids": ["border.mail.localhost"]},
}


async def examined(server: Postfix, **smarthost: object) -> Mapping[str, Finding]:
    own = {"host": server.host, "port": server.submission_port, "tls": "starttls"} | smarthost
    lmtp = {"listen": f"127.0.0.1:{free_ports(1)[0]}"}
    settings = EmailSettings.model_validate(WELL | {"smarthost": own, "lmtp": lmtp})
    bridge = EmailBridge(settings, Services(SystemClock(), random.Random(1), "1"))
    return {each.subject: each async for each in bridge.examine()}


async def test_a_real_submission_server_is_judged_by_login_certificate_and_offers(
    tmp_path: Path, start_postfix: StartPostfix
) -> None:
    logins = await Logins({"causeway": "a-secret"}).start()
    shown = {}
    for name, days in (("good", 90.0), ("old", -2.0)):
        place = open_to_daemons(tmp_path) / name
        place.mkdir()
        place.chmod(0o755)
        shown[name] = make_certificate(place, days=days)
    routes = {"far.localhost": "discard:"}
    try:
        server = await start_postfix(routes=routes, sasl=logins.place, certificate=shown["good"])
        login = {"username": "causeway", "password": "a-secret", "ca_file": str(shown["good"].authority)}
        found = await examined(server, **login)
        assert found["smarthost"].verdict is Verdict.OK, found
        assert "as causeway" in found["smarthost"].text
        assert "DSN" in found["smarthost"].text
        assert found["tls of the smarthost"].verdict is Verdict.OK
        assert found["dns of mail.localhost"].verdict is Verdict.UNKNOWN
        # Postfix calls itself otherwise than what we believe.
        assert "border.mail.localhost" in found["authserv_ids"].text

        server = await start_postfix(routes=routes, sasl=logins.place, certificate=shown["old"])
        found = await examined(server, **login | {"ca_file": str(shown["old"].authority)})
        assert found["smarthost"].verdict is Verdict.FAIL
        assert "expired" in found["smarthost"].text
        assert "a-secret" not in str(found)
    finally:
        await logins.stop()
