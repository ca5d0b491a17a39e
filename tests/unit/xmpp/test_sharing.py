"""Files in stanzas: what other clients write, and what we do."""

import hashlib
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Attachment
from gateway.xmpp import sharing
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import Stanza

URL = "https://upload.example/x/summit.jpg"
DIGEST = hashlib.sha256(b"x")
HASH = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="
FILE = f"""<media-type>image/jpeg</media-type><name>summit.jpg</name><size>3032449</size><width>4096</width>
  <height>2160</height><hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>
  <hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>{HASH}</hash><desc>Photo from the summit.</desc>"""
SFS = f"""<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'>{FILE}</file>
  <sources><jinglepub xmlns='urn:xmpp:jinglepub:1'/><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/>
  </sources></file-sharing>"""
SIMS = f"""<reference xmlns='urn:xmpp:reference:0' type='data' begin='0' end='3'><media-sharing xmlns='urn:xmpp:sims:1'>
  <file xmlns='urn:xmpp:jingle:apps:file-transfer:5'>{FILE}</file><sources>
  <reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:a@b/c?jingle'/>
  <reference xmlns='urn:xmpp:reference:0' type='data' uri='{URL}'/></sources></media-sharing></reference>"""
OOB = f"<x xmlns='jabber:x:oob'><url>{URL}</url></x>"
FALLBACK = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>"
KNOWN = Attachment(
    "summit.jpg",
    "image/jpeg",
    3032449,
    URL,
    sha256=DIGEST.hexdigest(),
    width=4096,
    height=2160,
    caption="Photo from the summit.",
)


def message(inner: str) -> Stanza:
    return Stanza(
        fromstring(
            f"<message xmlns='jabber:component:accept' from='a@b/c' to='d@e' type='chat'>{inner}</message>"
        )
    )


def body(text: str) -> str:
    return f"<body>{text}</body>"


def test_sfs_goes_before_sims_and_sims_before_oob():
    other = OOB.replace(URL, "https://other.example/")
    for inner in (
        body(URL) + other + SIMS.replace(URL, "https://third.example/") + SFS,
        body(URL) + other + SIMS,
    ):
        shared = sharing.read(message(inner))
        assert shared is not None
        assert shared.attachments == (KNOWN,)


def test_a_body_that_only_repeats_the_link_is_no_text():
    for inner in (body(URL) + SFS, body(URL) + OOB, SFS, OOB, body(f" {URL}\n") + SIMS):
        shared = sharing.read(message(inner))
        assert shared is not None
        assert shared.text == ""


def test_a_caption_is_kept_and_a_marked_fallback_is_not():
    shared = sharing.read(message(body("Look!") + SFS))
    assert shared is not None
    assert shared.text == "Look!"
    shared = sharing.read(message(body("A file: see elsewhere") + SFS + FALLBACK))
    assert shared is not None
    assert shared.text == ""
    part = FALLBACK.replace("<body/>", "<body start='5' end='99'/>")
    shared = sharing.read(message(body("Look &lt;link&gt;") + SFS + part))
    assert shared is not None
    assert shared.text == "Look"


def test_a_link_beside_a_text_is_a_link():
    assert sharing.read(message(body("see my page") + OOB)) is None


def test_a_message_without_files_shares_none():
    assert sharing.read(message(body("hello"))) is None
    assert sharing.read(message("")) is None
    assert sharing.read(message(SFS.replace("url-data", "other"))) is None


def test_what_is_said_falsely_is_ignored():
    broken = SFS.replace("3032449", "-5").replace("4096", "9" * 30).replace(HASH, "not base64!")
    shared = sharing.read(message(broken))
    assert shared is not None
    (file,) = shared.attachments
    assert (file.size, file.width, file.sha256) == (None, None, "")


def test_files_beyond_ten_are_left_out():
    shared = sharing.read(message(SFS * 30))
    assert shared is not None
    assert len(shared.attachments) == 10


def test_a_network_that_takes_no_files_gets_the_link():
    passed = sharing.passed(message(body(URL) + SFS), files=False)
    assert passed is not None
    assert (passed.text, passed.attachments) == (URL, ())
    passed = sharing.passed(message(SFS), files=False)
    assert passed is not None
    assert passed.text == URL


def test_a_network_that_takes_files_gets_them_and_the_users_clients_the_link():
    passed = sharing.passed(message(SFS + body(URL)), files=True)
    assert passed is not None
    assert (passed.text, passed.body) == ("", URL)
    assert passed.attachments == (KNOWN,)
    assert f"<url>{URL}</url>" in passed.extra


def test_text_alone_passes_as_it_is():
    passed = sharing.passed(message(body("hello")), files=True)
    assert passed == sharing.Passed("hello", (), "hello", "")
    assert sharing.passed(message("<thread>x</thread>"), files=True) is None


@pytest.mark.parametrize("files", [True, False])
@pytest.mark.parametrize(
    "inner",
    [
        body("aesgcm://upload.example/x#00"),
        body("AESGCM://upload.example/x#00"),
        SFS.replace("https:", "aesgcm:"),
        OOB.replace("https:", "aesgcm:") + body(URL.replace("https:", "aesgcm:")),
    ],
)
def test_a_file_only_clients_could_decrypt_is_refused_with_a_way_out(inner, files):
    with pytest.raises(RefusedError, match="Switch encryption off"):
        sharing.passed(message(inner), files=files)


def test_what_is_written_is_read_again():
    file = Attachment("ü <&'\".png", "image/png", 5, URL, sha256=DIGEST.hexdigest(), width=3, height=4)
    stanza = message(body(URL) + sharing.payload(file))
    shared = sharing.read(stanza)
    assert shared == sharing.Shared((file,), "")
    assert stanza.element.find("{jabber:x:oob}x/{jabber:x:oob}url").text == URL
    sfs = stanza.element.find("{urn:xmpp:sfs:0}file-sharing")
    assert sfs is not None
    assert sfs.get("disposition") == "inline"


def test_a_preview_travels_inside_the_stanza():
    xml = sharing.payload(Attachment(url=URL, media_type="image/png", thumbnail=b"\xff\xd8jpeg"))
    thumbnail = message(xml).element.find(".//{urn:xmpp:thumbs:1}thumbnail")
    assert thumbnail is not None
    assert thumbnail.get("uri") == "data:image/jpeg;base64,/9hqcGVn"


_names = st.sampled_from(
    [
        "{urn:xmpp:sfs:0}file-sharing",
        "{urn:xmpp:sfs:0}sources",
        "{urn:xmpp:file:metadata:0}file",
        "{urn:xmpp:file:metadata:0}size",
        "{http://jabber.org/protocol/url-data}url-data",
        "{urn:xmpp:hashes:2}hash",
        "{urn:xmpp:reference:0}reference",
        "{urn:xmpp:sims:1}media-sharing",
        "{urn:xmpp:sims:1}sources",
        "{jabber:x:oob}x",
        "{jabber:x:oob}url",
        "{urn:xmpp:fallback:0}fallback",
        "{urn:xmpp:fallback:0}body",
        "{jabber:component:accept}body",
    ]
)


@st.composite
def elements(draw, depth=4):
    element = Element(
        draw(_names),
        draw(
            st.dictionaries(
                st.sampled_from(["uri", "target", "for", "start", "end"]),
                st.text(max_size=8) | st.just(URL) | st.just(sharing.SFS),
                max_size=3,
            )
        ),
    )
    element.text = draw(st.none() | st.text(max_size=12) | st.just(URL))
    if depth:
        element.extend(draw(st.lists(elements(depth=depth - 1), max_size=2)))
    return element


@given(st.lists(elements(), max_size=3))
def test_any_stanza_is_read_without_a_fall(children):
    root = Element("{jabber:component:accept}message", {"from": "a@b", "to": "c@d"})
    root.extend(children)
    shared = sharing.read(Stanza(root))
    assert shared is None or all(each.url for each in shared.attachments)
