import ipaddress
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge import MediaError
from gateway.bridge.reach import is_public
from gateway.media.names import ENDINGS, name_of_path, safe_name
from gateway.media.sniff import UNKNOWN, sniff
from gateway.media.targets import Targets, Trusted

# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "media_type", "safe"),
    [
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\Windows\\evil.exe", "image/jpeg", "evil.jpg"),
        ("pho\u202egpj.exe", "application/octet-stream", "phogpj.exe"),
        ("a\x00b\r\nSet-Cookie: x.png", "image/png", "abSet-Cookie x.png"),
        (".htaccess", "text/plain", "htaccess.txt"),
        ("", "image/png", "picture.png"),
        ("....", "image/png", "picture.png"),
        ("photo.JPG", "image/jpeg", "photo.JPG"),
        ("photo.png", "image/jpeg", "photo.jpg"),
        ("report.tar.gz", "application/gzip", "report.tar.gz"),
        ("notes.md", "text/plain", "notes.md"),
        ("picture.jpg", "application/octet-stream", "picture.bin"),
        ("übung.pdf", "application/pdf", "übung.pdf"),
    ],
)
def test_a_name_is_made_harmless_and_fits_its_type(name, media_type, safe):
    assert safe_name(name, media_type, "picture") == safe


@given(st.text(), st.sampled_from([*ENDINGS, UNKNOWN, "x/y"]))
def test_no_name_escapes_its_directory_or_hides_what_it_is(name, media_type):
    safe = safe_name(name, media_type)
    assert safe
    assert not set(safe) & set('/\\<>:"|?*')
    assert safe[0] != "."
    assert len(safe.encode()) <= 130
    assert all(unicodedata.category(each)[0] != "C" for each in safe)
    if media_type.startswith(("image/", "video/", "audio/")) and media_type in ENDINGS:
        assert safe.rpartition(".")[2].lower() in ENDINGS[media_type]


@given(st.text())
def test_any_path_has_a_name(path):
    assert "/" not in name_of_path(path) or "%2f" in path.lower()


# -- types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n...", "x.jpg", "image/png"),
        (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"),
        (b"\x00\x00\x00\x20ftypisom", "", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "", "audio/mp4"),
        (b"\x00\x00\x00\x20ftyp3gp4", "", "video/3gpp"),
        (b"OggS" + bytes(24) + b"OpusHead", "", "audio/ogg"),
        (b"\xff\xfb\x90\x64", "", "audio/mpeg"),
        (b"#!AMR\n", "", "audio/amr"),
        (b"%PDF-1.7", "", "application/pdf"),
        (b"PK\x03\x04", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"PK\x03\x04", "a.jpg", "application/zip"),
        (b"BEGIN:VCARD", "a.vcf", "text/vcard"),
        (b"  \n<!DOCTYPE html>", "a.png", "text/html"),
        (b"\xef\xbb\xbf<script>alert(1)</script>", "", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "a.png", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg/>", "", "image/svg+xml"),
        ("grüße".encode()[:4], "", "text/plain"),
        (b"BMW is a car", "", "text/plain"),
        (b"MZ\x90\x00", "setup.jpg", UNKNOWN),
        (b"\xff\xfe\xff\xff", "", UNKNOWN),
        (b"", "", "text/plain"),
    ],
)
def test_a_file_is_what_it_begins_with(head, name, media_type):
    assert sniff(head, name) == media_type


@given(st.binary(max_size=64), st.text(max_size=10))
def test_everything_has_a_type(head, name):
    assert "/" in sniff(head, name)


# -- targets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.251",
        "239.1.1.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_somebody_on_the_internet_is_closed(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_the_internet_is_open(address):
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_only_global_addresses_are_public(address):
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "data:text/plain,x",
        "https://",
        "https:///path",
        "https://user@example.org/",
        "https://user:secret@example.org/",
        "https://example.org:22/",
        "https://example.org:25/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://exa\\mple.org/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "aesgcm://example.org/x#00",
        "AESGCM://example.org/x#00",
        "https://example.org/" + "x" * 5000,
    ],
)
def test_links_that_are_not_asked_for(url):
    with pytest.raises(MediaError):
        Targets(Trusted()).parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a b",
        "https://example.org:5281/x",
        "https://[2606:4700::1]/",
        "HTTPS://EXAMPLE.ORG",
    ],
)
def test_links_that_may_be_asked_for(url):
    Targets(Trusted()).parse(url)


@given(st.text() | st.text().map("https://".__add__))
def test_any_text_is_either_a_link_or_refused(text):
    try:
        url = Targets(Trusted()).parse(text)
    except MediaError:
        return
    assert url.scheme == "https"
    assert url.raw_host


def test_the_servers_own_links_may_be_private_but_not_naked_across_a_network():
    own = Targets(Trusted(), own=True)
    inside, here = ipaddress.ip_address("10.0.0.5"), ipaddress.ip_address("127.0.0.1")
    assert own.open_to(own.parse("https://upload.lan/x"), [inside]) == [inside]
    assert own.open_to(own.parse("http://localhost:5280/x"), [here]) == [here]
    with pytest.raises(MediaError):
        own.open_to(own.parse("http://upload.lan/x"), [inside])


def test_trusted_entries_are_names_addresses_or_networks():
    trusted = Trusted.of(["Upload.Example.ORG", "10.1.0.0/16", "[::1]"])
    assert trusted.name("upload.example.org.")
    assert trusted.address(ipaddress.ip_address("10.1.2.3"))
    assert trusted.address(ipaddress.ip_address("::1"))
    assert not trusted.address(ipaddress.ip_address("10.2.0.1"))
    with pytest.raises(ValueError, match="host bits"):
        Trusted.of(["10.1.2.3/16"])
