"""What dialling an IRC server does and says, with real sockets: certificates, addresses, ends before the beginning."""

import asyncio
import datetime
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridges.irc.dial import (
    AddressInfo,
    ConnectFailed,
    Endpoint,
    LoopDialer,
    Origin,
    TlsContexts,
    TlsSettings,
    normal_fingerprint,
)
from bridges.irc.link import IrcReactor
from tests.unit.irc.wire import HOST, Owner, turns


@dataclass(frozen=True)
class Certificate:
    chain: Path
    fingerprint: str


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for irc.example and 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "irc.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("irc.example"), x509.DNSName("localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    der = signed.public_bytes(serialization.Encoding.DER)
    return Certificate(path, hashlib.sha256(der).hexdigest())


@dataclass
class Server:
    port: int
    received: asyncio.Queue[bytes]
    names: list[str | None]


Serving = AsyncIterator[Server]


async def serve(context: ssl.SSLContext | None) -> tuple[asyncio.Server, Server]:
    received: asyncio.Queue[bytes] = asyncio.Queue()
    names: list[str | None] = []
    if context is not None:
        context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b":s NOTICE * :hello\r\n")
        while line := await reader.readline():
            received.put_nowait(line)
            if line.startswith(b"QUIT"):
                writer.write(b"ERROR :bye\r\n")
                break
        writer.close()

    server = await asyncio.start_server(talk, HOST, 0, ssl=context)
    return server, Server(server.sockets[0].getsockname()[1], received, names)


@pytest.fixture
async def plain() -> Serving:
    listener, server = await serve(None)
    yield server
    listener.close()
    await listener.wait_closed()


@pytest.fixture
async def secure(certificate: Certificate) -> Serving:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain)
    listener, server = await serve(context)
    yield server
    listener.close()
    await listener.wait_closed()


async def converse(endpoint: Endpoint) -> Owner:
    """Open, say QUIT, and wait for the server's end."""
    owner = Owner()
    connection = IrcReactor().connection(owner.on_line, owner.on_closed, owner.on_writable)
    await connection.open(endpoint, timeout=10)
    connection.send("QUIT :x")
    await asyncio.wait_for(owner.closed.wait(), 10)
    return owner


async def test_a_real_connection_carries_lines_both_ways(plain: Server) -> None:
    owner = await converse(Endpoint("localhost", plain.port, origin=Origin(v4="127.0.0.2")))
    assert plain.received.get_nowait() == b"QUIT :x\r\n"
    assert owner.commands == ["NOTICE", "ERROR"]
    assert owner.causes == ["The server closed the connection."]


async def test_tls_is_verified_against_the_given_ca_and_names_the_server(
    secure: Server, certificate: Certificate
) -> None:
    owner = await converse(Endpoint("localhost", secure.port, TlsSettings(ca_file=str(certificate.chain))))
    assert owner.commands == ["NOTICE", "ERROR"]
    assert secure.names == ["localhost"]
    settings = TlsSettings(ca_file=str(certificate.chain), server_name="irc.example")
    await converse(Endpoint(HOST, secure.port, settings))
    assert secure.names == ["localhost", "irc.example"]


async def test_a_pinned_fingerprint_is_trusted_instead_of_a_ca(
    secure: Server, certificate: Certificate
) -> None:
    colons = ":".join(certificate.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    owner = await converse(Endpoint("localhost", secure.port, TlsSettings(fingerprint=colons)))
    assert owner.commands == ["NOTICE", "ERROR"]


async def test_verification_can_be_turned_off(secure: Server) -> None:
    assert (await converse(Endpoint(HOST, secure.port, TlsSettings(verify=False)))).commands == [
        "NOTICE",
        "ERROR",
    ]


async def refusal(endpoint: Endpoint, timeout: float = 10) -> ConnectFailed:
    owner = Owner()
    reactor = IrcReactor()
    connection = reactor.connection(owner.on_line, owner.on_closed, owner.on_writable)
    with pytest.raises(ConnectFailed) as failed:
        await connection.open(endpoint, timeout=timeout)
    await turns(3)
    assert owner.lines == []
    assert owner.causes == []
    assert reactor.connections == []
    return failed.value


async def test_a_certificate_of_nobody_is_refused_in_words(secure: Server) -> None:
    failed = await refusal(Endpoint("localhost", secure.port, TlsSettings()))
    assert failed.certificate
    assert "self-signed certificate" in str(failed)
    assert "fingerprint" in str(failed)


async def test_a_certificate_for_another_name_is_refused(secure: Server, certificate: Certificate) -> None:
    failed = await refusal(Endpoint(HOST, secure.port, TlsSettings(ca_file=str(certificate.chain))))
    assert failed.certificate
    assert "not valid for '127.0.0.1'" in str(failed)


async def test_another_certificate_than_the_pinned_one_is_refused_before_a_byte_is_believed(
    secure: Server, certificate: Certificate
) -> None:
    failed = await refusal(Endpoint("localhost", secure.port, TlsSettings(fingerprint="00" * 32)))
    assert failed.certificate
    assert certificate.fingerprint in str(failed)


async def test_a_port_without_tls_is_named_as_such(plain: Server) -> None:
    failed = await refusal(Endpoint("localhost", plain.port, TlsSettings(verify=False)))
    assert "does not speak TLS" in str(failed)
    assert not failed.certificate


async def test_a_missing_ca_file_is_named() -> None:
    failed = await refusal(Endpoint("localhost", 1, TlsSettings(ca_file="/nonexistent/ca.pem")))
    assert "/nonexistent/ca.pem" in str(failed)


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        (HOST, None, "refuses connections"),
        ("no-such-host.invalid", 6667, "no address for the name no-such-host.invalid"),
        ("a..b", 6667, "not a valid address"),
        ("a" * 300, 6667, "not a valid address"),
        ("irc\0.example", 6667, "no address for the name"),
        (HOST, 70000, "127.0.0.1 port 70000"),
    ],
)
async def test_what_is_wrong_with_an_address_is_said(host: str, port: int | None, words: str) -> None:
    assert words in str(await refusal(Endpoint(host, unused_port() if port is None else port)))


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        endpoint = Endpoint(HOST, listener.getsockname()[1], TlsSettings(verify=False))
        assert "did not answer within 0.2 seconds" in str(await refusal(endpoint, timeout=0.2))


async def test_a_cancelled_opening_leaves_nothing_open() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        listener.setblocking(False)
        reactor = IrcReactor()
        connection = reactor.connection(print, print, print)
        opening = asyncio.create_task(
            connection.open(Endpoint(HOST, listener.getsockname()[1], TlsSettings(verify=False)))
        )
        loop = asyncio.get_running_loop()
        peer, _ = await loop.sock_accept(listener)
        with peer:
            assert await loop.sock_recv(peer, 1)  # the beginning of a handshake that nobody answers
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        assert reactor.connections == []


async def test_contexts_are_shared_by_equal_settings(certificate: Certificate) -> None:
    contexts = TlsContexts()
    settings = TlsSettings(ca_file=str(certificate.chain))
    one, same = await asyncio.gather(contexts.get(settings), contexts.get(settings))
    assert one is same
    assert await contexts.get(TlsSettings(fingerprint="aa")) is await contexts.get(TlsSettings(verify=False))
    assert one.check_hostname
    assert one.verify_mode is ssl.CERT_REQUIRED


def at(address: str, port: int) -> AddressInfo:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))


async def converse_through(dialer: LoopDialer, port: int) -> Owner:
    owner = Owner()
    connection = IrcReactor(dialer).connection(owner.on_line, owner.on_closed, owner.on_writable)
    await connection.open(Endpoint("irc.example", port), timeout=10)
    connection.send("QUIT")
    await asyncio.wait_for(owner.closed.wait(), 10)
    return owner


async def test_the_next_address_is_tried_when_the_first_fails(plain: Server) -> None:
    async def resolve(host: str, port: int) -> list[AddressInfo]:
        return [at(HOST, unused_port()), at(HOST, port)]

    owner = await converse_through(LoopDialer(stagger=60, resolve=resolve), plain.port)
    assert owner.commands == ["NOTICE", "ERROR"]


async def test_a_slow_address_does_not_hold_up_the_next_one(plain: Server) -> None:
    tried: list[str] = []
    given_up: list[str] = []

    async def resolve(host: str, port: int) -> list[AddressInfo]:
        return [at("192.0.2.1", port), at("192.0.2.2", port), at(HOST, port)]

    async def connect(info: AddressInfo, origin: Origin) -> socket.socket:
        address = info[4][0]
        tried.append(address)
        if address != HOST:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.append(address)
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, info[4])
        return sock

    owner = await converse_through(LoopDialer(stagger=0.01, resolve=resolve, connect=connect), plain.port)
    assert owner.commands == ["NOTICE", "ERROR"]
    assert tried == ["192.0.2.1", "192.0.2.2", HOST]
    assert sorted(given_up) == ["192.0.2.1", "192.0.2.2"]


async def test_the_address_that_worked_is_tried_first_the_next_time(plain: Server) -> None:
    tried: list[str] = []
    gone = at("192.0.2.1", plain.port)
    addresses = [gone, at(HOST, plain.port)]

    async def resolve(host: str, port: int) -> list[AddressInfo]:
        return addresses

    async def connect(info: AddressInfo, origin: Origin) -> socket.socket:
        tried.append(info[4][0])
        if info is gone:
            raise OSError("no")
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, info[4])
        return sock

    dialer = LoopDialer(stagger=60, resolve=resolve, connect=connect)
    await converse_through(dialer, plain.port)
    await converse_through(dialer, plain.port)
    assert tried == ["192.0.2.1", HOST, HOST]


async def test_the_families_of_a_host_take_turns_and_follow_the_source_address() -> None:
    tried: list[str] = []

    async def resolve(host: str, port: int) -> list[AddressInfo]:
        v6 = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (f"2001:db8::{n}", port, 0, 0)) for n in (1, 2, 3)]
        return [*v6, at("192.0.2.1", port)]

    async def connect(info: AddressInfo, origin: Origin) -> socket.socket:
        tried.append(info[4][0])
        raise ConnectionRefusedError(111, "refused")

    reactor = IrcReactor(LoopDialer(resolve=resolve, connect=connect))
    for origin in (Origin(), Origin(v4="192.0.2.9"), Origin(v6="2001:db8::9")):
        with pytest.raises(ConnectFailed, match="refuses connections"):
            await reactor.connection(print, print, print).open(Endpoint("irc.example", 6667, origin=origin))
    six = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
    assert tried == [six[0], "192.0.2.1", six[1], six[2], "192.0.2.1", *six]


async def test_a_host_without_an_address_of_the_sources_family_is_said() -> None:
    async def resolve(host: str, port: int) -> list[AddressInfo]:
        return [at("192.0.2.1", port)]

    connection = IrcReactor(LoopDialer(resolve=resolve)).connection(print, print, print)
    with pytest.raises(ConnectFailed, match="no address of the right family"):
        await connection.open(Endpoint("irc.example", 6667, origin=Origin(v6="::1")))


@pytest.mark.parametrize("listed", [True, False])
async def test_a_name_that_users_choose_leads_to_public_addresses_only(listed: bool) -> None:
    tried: list[str] = []
    near = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.0.2.1"]

    async def resolve(host: str, port: int) -> list[AddressInfo]:
        mapped = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::ffff:10.0.0.1", port, 0, 0))
        public = [at("1.1.1.1", port)] if host == "both.example" else []
        return [at(each, port) for each in near] + [mapped] + public

    async def connect(info: AddressInfo, origin: Origin) -> socket.socket:
        tried.append(info[4][0])
        raise ConnectionRefusedError(111, "refused")

    reactor = IrcReactor(LoopDialer(resolve=resolve, connect=connect))
    for host in ("near.example", "both.example"):
        with pytest.raises(
            ConnectFailed, match="private network" if host[0] == "n" and not listed else "refuses"
        ):
            await reactor.connection(print, print, print).open(Endpoint(host, 6667, public=not listed))
    assert set(tried) == ({*near, "::ffff:10.0.0.1", "1.1.1.1"} if listed else {"1.1.1.1"})


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "aa" * 20])
def test_what_is_no_sha_256_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        normal_fingerprint(text)
