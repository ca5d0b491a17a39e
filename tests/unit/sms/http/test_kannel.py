"""The look through kannel.conf: what loses messages is found, what is right is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.http.kannel import Unreadable, Wanted, faults, parsed, read

GOOD = """
group = core
admin-port = 13900
dlr-storage = sqlite3
store-type = file
store-location = "/var/spool/kannel.store"
sms-combine-concatenated-mo = true
sms-combine-concatenated-mo-timeout = 300

group = smsc
smsc = smpp
smsc-id = main
allowed-smsc-id = main

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = 13013
mo-recode = true
http-request-retry = 10
http-queue-delay = 10

# The gateway
group = sendsms-user
username = gw
password = "s3 = cret"
concatenation = true
max-messages = 20

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "http://127.0.0.1:5290/bridge/sms/main/abc?from=%p&to=%P&id=%I&ts=%T&text=%b&coding=%c&charset=%C&udh=%u"
"""
WANTED = Wanted("gw", "main", "/bridge/sms/main/")


@pytest.fixture
def conf(tmp_path):
    def write(text=GOOD, *changes):
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "kannel.conf"
        path.write_text(text)
        return path

    return write


def test_a_good_file_has_no_faults(conf):
    assert faults(read(conf()), WANTED) == []
    assert faults(read(conf()), Wanted("gw")) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("http-request-retry = 10\n", "", "http-request-retry"),
        ("http-request-retry = 10\n", "http-request-retry = 0\n", "http-request-retry"),
        ("http-queue-delay = 10\n", "", "http-queue-delay"),
        ("max-messages = 0\n", "", "text the body of our answer"),
        ("max-messages = 0\n", "max-messages = 1\n", "text the body of our answer"),
        ("omit-empty = true\n", "", "Empty reply"),
        ("catch-all = true\n", "", "catch-all"),
        ("keyword = default\ncatch-all = true\n", "keyword = nop\n", "begin with its keyword"),
        ("mo-recode = true\n", "mo-recode = true\nsmsbox-id = box1\n", "wait for ever"),
        ("mo-recode = true\n", "", "mo-recode"),
        ("allowed-smsc-id = main\n", "", "allowed-smsc-id"),
        (
            "smsc-id = main\nallowed-smsc-id = main\n",
            "smsc-id = x\nallowed-smsc-id = x\n",
            "No group smsc has",
        ),
        ("concatenation = true\n", "", "concatenation"),
        ("max-messages = 20\n", "", "cuts texts off after 1"),
        ("max-messages = 20\n", "max-messages = 20\nforced-smsc = other\n", "forced-smsc"),
        ("max-messages = 20\n", "max-messages = 20\nfaked-sender = 1\n", "replies go to that number"),
        ("username = gw\n", "username = other\n", "No group sendsms-user"),
        ("sms/main/abc", "sms/other/abc", "not brought to us"),
        ("text=%b", "text=%a", "loses characters"),
        ("&coding=%c", "", "does not bring %c"),
        ("group = smsbox\n", "group = wapbox\n", "no group smsbox"),
        ("store-location", "stored", "loses what waits"),
        ("dlr-storage = sqlite3\n", "", "in memory"),
        ("mo-timeout = 300", "mo-timeout = 7200", "more than an hour"),
        ("smsc = smpp\n", 'smsc = smpp\nalt-charset = "GSM"\n', "breaks decoding"),
    ],
)
def test_what_loses_messages_is_told_with_the_fix(conf, before, after, words):
    found = faults(read(conf(GOOD, (before, after))), WANTED)
    assert any(words in each for each in found), found


def test_a_smsbox_id_is_right_where_texts_are_routed_to_it(conf):
    text = GOOD.replace("mo-recode = true\n", "mo-recode = true\nsmsbox-id = box1\n")
    text += "\ngroup = smsbox-route\nsmsbox-id = box1\nshortcode = 1\n"
    assert faults(read(conf(text)), WANTED) == []


def test_included_files_count(conf, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text(GOOD)
    assert faults(read(conf('include = "more"\n')), WANTED) == []


def test_files_that_cannot_be_read_are_told(conf, tmp_path):
    with pytest.raises(Unreadable, match="config_file"):
        read(tmp_path / "none")
    with pytest.raises(Unreadable, match="included in itself"):
        read(conf("include = kannel.conf\n"))


@given(st.text(max_size=300))
def test_any_file_has_settings_or_none(text):
    for number, name, value in parsed(text):
        assert number >= 1
        assert name == name.strip().lower()
        assert isinstance(value, str)
