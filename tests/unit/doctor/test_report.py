"""Findings as people and programs read them."""

import json
from dataclasses import replace
from functools import partial

from gateway.bridge import Finding, Verdict
from gateway.doctor.report import Report, as_chat, as_json
from gateway.texts import Languages

OK = Finding(Verdict.OK, "It answers.", "database")
BAD = Finding(Verdict.FAIL, "It is shut.", "irc link", "line one\n  line two\n", "/etc/x.conf, a new file")
NOTE = Finding(Verdict.NOTE, "It could be better.", "irc rights")


def test_a_terminal_shows_groups_and_blocks_that_can_be_pasted() -> None:
    report = Report(["irc"])
    lines = [line for each in (OK, BAD, NOTE) for line in report.lines(each)]
    assert lines == [
        "This installation",
        "ok    database: It answers.",
        "",
        "irc",
        "FAIL  link: It is shut.",
        "",
        "      Paste into /etc/x.conf, a new file:",
        "",
        "          line one",
        "            line two",
        "",
        "note  rights: It could be better.",
    ]
    assert report.summary() == "1 thing of 3 to put right, 1 note to read."
    assert not report.well


def test_lines_that_help_twice_are_shown_once() -> None:
    report = Report(["irc"])
    first, second = list(report.lines(BAD)), list(report.lines(BAD))
    assert any("line one" in line for line in first)
    assert second == ["FAIL  link: It is shut.", "      (The lines are those above.)"]
    elsewhere = list(report.lines(replace(BAD, where="another file")))
    assert "      Paste into another file:" in elsewhere
    assert any("line one" in line for line in elsewhere)


def test_long_sentences_are_wrapped_and_lines_to_paste_are_not() -> None:
    long = Finding(Verdict.NOTE, "word " * 60, "x", f"{'y' * 300}\n", "z")
    lines = list(Report().lines(long))
    assert max(len(line) for line in lines if "word" in line) <= 100
    assert any("y" * 300 in line for line in lines)


def test_all_well_is_said_with_what_was_not_tried() -> None:
    report = Report()
    report.count(OK)
    report.count(Finding(Verdict.UNKNOWN, "", "x"))
    assert report.summary() == "Nothing is wrong with what was tried: 1 thing, 1 left open (marked ?)."
    assert report.well


def test_programs_get_a_line_for_each_and_the_numbers_last() -> None:
    report = Report()
    report.count(BAD)
    assert json.loads(as_json(BAD)) == {
        "verdict": "FAIL",
        "subject": "irc link",
        "text": "It is shut.",
        "fix": "line one\n  line two\n",
        "where": "/etc/x.conf, a new file",
    }
    assert json.loads(report.summary_json()) == {
        "summary": {"ok": 0, "note": 0, "?": 0, "FAIL": 1, "well": False}
    }


def test_a_chat_shows_what_is_wrong_first_and_only_names_what_is_well() -> None:
    summary, text = as_chat([OK, NOTE, BAD])
    assert summary == "1 of 3 to put right, 1 to know."
    assert text.split("\n\n") == [
        "*To put right*\n• irc link: It is shut.\nPaste into /etc/x.conf, a new file:\n```\nline one\n  line two\n```",
        "*To know*\n• irc rights: It could be better.",
        "*Well*\ndatabase",
    ]


def test_a_chat_is_told_once_what_is_the_same_of_several_bridges() -> None:
    _, text = as_chat([NOTE, replace(NOTE, subject="sms rights"), BAD, replace(BAD, text="It is another.")])
    assert "• irc rights, sms rights: It could be better." in text
    assert text.count("line one") == 1
    assert "• irc link: It is another.\n(The lines are those above.)" in text


def test_a_chat_in_german_has_german_around_what_was_found() -> None:
    unknown = Finding(Verdict.UNKNOWN, "Nobody knows.", "irc dns")
    german = partial(Languages.installed().say, language="de")
    summary, text = map(german, as_chat([OK, NOTE, BAD, unknown]))
    assert summary == "1 von 3 in Ordnung zu bringen, 1 gut zu wissen, 1 offen geblieben."
    assert text.startswith(
        "*In Ordnung zu bringen*\n• irc link: It is shut.\nEinzufügen in /etc/x.conf, a new file:\n```"
    )
    summary, _ = map(german, as_chat([OK]))
    assert summary == "Nichts ist falsch an dem, was versucht wurde (1)."
