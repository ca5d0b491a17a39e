"""Ways in which mail clients quote, and texts that only look like it."""

WROTE = """Hallo Bob, wollen wir uns morgen um drei Uhr im Café am Markt treffen? Ich bringe die Unterlagen mit.

Please tell me whether that suits you; otherwise Thursday would be possible too, in the afternoon.

Viele Grüße, und bis bald in der Stadt!
Alice"""
PEOPLE = ("Alice", "alice@example.net", "Bob Gray", "bob@example.org")

_MARKED = "\n".join(f"> {line}".rstrip() for line in WROTE.split("\n"))
_ANSWER = "Gern, bis morgen!\n\n"

#: By client or language: plain text that ends with WROTE.
STYLES = {
    "English, Gmail": f"{_ANSWER}On Mon, Jun 1, 2026 at 10:00 AM Alice <alice@example.net> wrote:\n\n{_MARKED}\n",
    "English, Gmail, wrapped": (
        f"{_ANSWER}On Mon, Jun 1, 2026 at 10:00 AM Alice Very Long Name\n<alice@example.net> wrote:\n\n{_MARKED}\n"
    ),
    "German, Thunderbird": f"{_ANSWER}Am 01.06.26 um 10:00 schrieb Alice:\n{_MARKED}\n",
    "German, Outlook": (
        f"{_ANSWER}Von: Alice <alice@example.net>\nGesendet: Montag, 1. Juni 2026 10:00\nAn: Bob Gray\n"
        f"Betreff: Tee\n\n{WROTE}\n"
    ),
    "English, Outlook, ruled": (
        f"{_ANSWER}________________________________\nFrom: Alice\nSent: Monday, June 1, 2026 10:00 AM\n"
        f"To: Bob\nSubject: Re: Tea\n\n{WROTE}\n"
    ),
    "English, Original Message": (
        f"{_ANSWER}-----Original Message-----\nFrom: Alice [mailto:alice@example.net]\nSent: Monday\nTo: Bob\n"
        f"Subject: Tea\n\n{WROTE}\n"
    ),
    "French, Apple": f"{_ANSWER}Le 1 juin 2026 à 10:00, Alice <alice@example.net> a écrit :\n\n{_MARKED}\n",
    "French, Outlook, starred": (
        f"{_ANSWER}*De :* Alice <alice@example.net>\n*Envoyé :* lundi 1 juin 2026 10:00\n*À :* Bob\n"
        f"*Objet :* Thé\n\n{WROTE}\n"
    ),
    "Spanish, Gmail": f"{_ANSWER}El lun, 1 jun 2026 a las 10:00, Alice (<alice@example.net>) escribió:\n\n{_MARKED}\n",
    "Polish, Gmail": f"{_ANSWER}pon., 1 cze 2026 o 10:00 Alice <alice@example.net> napisał(a):\n\n{_MARKED}\n",
    "Russian, Gmail": f"{_ANSWER}пн, 1 июн. 2026 г. в 10:00, Alice <alice@example.net>:\n\n{_MARKED}\n",
    "Russian, Mail.ru, unmarked": (
        f"{_ANSWER}Понедельник, 1 июня 2026, 10:00 +03:00 от Alice <alice@example.net>:\n\n{WROTE}\n"
    ),
    "Chinese, Gmail": f"{_ANSWER}Alice <alice@example.net> 于2026年6月1日周一 10:00写道：\n\n{_MARKED}\n",
    "Chinese, QQ": (
        f'{_ANSWER}------------------ 原始邮件 ------------------\n发件人: "Alice" <alice@example.net>;\n'
        f'发送时间: 2026年6月1日(星期一) 上午10:00\n收件人: "Bob"<bob@example.org>;\n主题: 茶\n\n{WROTE}\n'
    ),
    "Japanese, Outlook": (
        f"{_ANSWER}差出人: Alice <alice@example.net>\n送信日時: 2026年6月1日 10:00\n宛先: Bob\n件名: お茶\n\n{WROTE}\n"
    ),
    "Dutch, unmarked": f"{_ANSWER}Op ma 1 jun. 2026 om 10:00 schreef Alice <alice@example.net>:\n\n{WROTE}\n",
    "Portuguese, wrapped anew": (
        f"{_ANSWER}Em seg., 1 de jun. de 2026 às 10:00, Alice <alice@example.net> escreveu:\n\n"
        "> Hallo Bob, wollen wir uns morgen um drei\n> Uhr im Café am Markt treffen? Ich bringe die\n> Unterlagen mit.\n>\n"
        "> Please tell me whether that suits you; otherwise\n> Thursday would be possible too, in the\n> afternoon.\n"
    ),
    "no introduction at all": f"{_ANSWER}{_MARKED}\n",
    "twice in depth": (
        f"{_ANSWER}On 1 June 2026, Alice wrote:\n{_MARKED}\n>\n> On 31 May 2026, Bob Gray wrote:\n>> Tea?\n"
    ),
}

_HTML = WROTE.replace("\n", "<br>")
_HEAD = "<b>From:</b> Alice<br><b>Sent:</b> Monday, 1 June 2026 10:00<br><b>To:</b> Bob<br><b>Subject:</b> Tea<br>"

HTML_STYLES = {
    "Gmail": (
        '<div dir="ltr">Gern, bis morgen!</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        f'On Mon, Jun 1, Alice wrote:<br></div><blockquote class="gmail_quote" style="margin:0">{_HTML}</blockquote></div>'
    ),
    "Thunderbird": (
        '<p>Gern, bis morgen!</p><div class="moz-cite-prefix">Am 01.06.26 um 10:00 schrieb Alice:<br></div>'
        f'<blockquote type="cite" cite="mid:x@example.net">{_HTML}</blockquote>'
    ),
    "Apple": (
        '<html><body>Gern, bis morgen!<br><div><br><blockquote type="cite"><div>Am 01.06.2026 um 10:00 schrieb Alice:</div>'
        f"<br><div>{_HTML}</div></blockquote></div></body></html>"
    ),
    "Outlook on the web": (
        '<div>Gern, bis morgen!</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr"><font>'
        f"{_HEAD}</font><div>&nbsp;</div></div><div>{_HTML}</div>"
    ),
    "Outlook": (
        '<div class="WordSection1"><p class="MsoNormal">Gern, bis morgen!</p><p class="MsoNormal">&nbsp;</p><div><div '
        'style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f'<p class="MsoNormal">{_HEAD}</p></div></div>'
        f'<p class="MsoNormal">{_HTML}</p></div>'
    ),
    "Yahoo": (
        f'<div>Gern, bis morgen!</div><div id="yahoo_quoted_12" class="yahoo_quoted">'
        f"<div>On Monday, Alice wrote:</div>{_HTML}</div>"
    ),
    "Proton": (
        '<div>Gern, bis morgen!</div><div class="protonmail_quote">On Monday, Alice wrote:<br>'
        f"<blockquote>{_HTML}</blockquote></div>"
    ),
    "Zimbra": f'<div>Gern, bis morgen!</div><hr id="zwchr" data-marker="__DIVIDER__"><div>{_HEAD}</div><div>{_HTML}</div>',
}

#: Signatures and where they stand: the mail, and what is left of it.
SIGNED = {
    "at the end": ("See you.\n\n-- \nBob Gray\nTea Ltd.\n", "See you."),
    "above the quote": (
        f"See you.\n\n-- \nBob Gray\n\nOn 1 June 2026, Alice wrote:\n{_MARKED}\n",
        "See you.",
    ),
    "below the quote": (
        f"See you.\n\nOn 1 June 2026, Alice wrote:\n{_MARKED}\n\n-- \nBob Gray\n",
        "See you.",
    ),
    "without its space": ("See you.\n\n--\nBob Gray\n", "See you."),
}

_LONG = "\n".join(f"Line {number} of a letter that goes on." for number in range(20))

#: Texts of which nothing may go, though WROTE was said before.
KEPT = {
    "rows of dashes": "Agenda\n------\n1. Tea\n------\n2. Cake\n-----------------------\n3. Walk\n",
    "two dashes in the text": f"First part.\n--\n{_LONG}\n",
    "a signature mark above a long text": f"Before.\n\n-- \n{_LONG}\n",
    "words at the beginning that introduce quotes": (
        "On Monday I wrote to Alice:\nshe did not answer.\nFrom: here on it is hard.\n"
    ),
    "a list of addresses": "IP,hostname\n10.0.0.1,alice@example.net\n10.0.0.2,bob@example.org\n",
    "a quote alone": _MARKED,
    "a quote with its introduction alone": f"On Mon, 1 June 2026 10:00, Alice <alice@example.net> wrote:\n\n{_MARKED}\n",
    "a quote answered below": f"On 1 June 2026, Alice wrote:\n{_MARKED}\n\nYes, that suits me.\n",
    "a forwarded mail of others": (
        "Please look.\n\n---------- Forwarded message ---------\nFrom: Carol <carol@example.com>\nDate: Mon, 1 Jun 2026\n"
        "Subject: Offer\nTo: Bob\n\nWe offer ten chairs for the price of nine, until the end of the month.\n"
    ),
    "somebody quoted who is not in the thread": (
        "As the poet says:\n\n> Shall I compare thee to a summer's day?\n> Thou art more lovely and more temperate.\n"
    ),
    "one known line in what is new": (
        "Alice, you said on 1 June 2026:\n\nViele Grüße, und bis bald in der Stadt!\nBut we never met there in the end.\n"
        "I waited for two hours and it rained.\nThen I went home again by train.\n"
    ),
}
