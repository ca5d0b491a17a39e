"""The lines that mail clients write above what they quote, whatever their language. Looks at lines; decides nothing."""

import re
from collections.abc import Sequence

#: What Outlook and its like put before From, Sent or Date, To and Subject.
_WORDS: dict[str, str] = {
    "from": (
        "from|von|de|da|van|från|fra|lähettäjä|od|feladó|de la|от|від|από|gönderen|kimden|من|מאת|发件人|寄件者|寄件人|"
        "差出人|送信者|보낸 사람|보낸사람|từ|šalje|pošiljatelj|nuo|no|saatja|desde|remitente|mittente|"
        "expéditeur|absender|de part de"
    ),
    "sent": (
        "sent|date|gesendet|datum|envoyé|enviado el|enviado|fecha|inviato|data|enviada em|enviada|verzonden|skickat|sendt|"
        "dato|lähetetty|päivämäärä|wysłano|wysłane|odesláno|odoslané|dátum|elküldve|küldve|trimis|отправлено|дата|надіслано|"
        "изпратено|στάλθηκε|ημερομηνία|gönderildi|tarih|تاريخ الإرسال|التاريخ|נשלח|תאריך|发送时间|发件时间|日期|寄件日期|"
        "傳送時間|送信日時|日時|日付|보낸 날짜|날짜|보낸날짜|đã gửi|ngày|poslano|išsiųsta|nosūtīts|saadetud"
    ),
    "to": (
        "to|an|à|para|a|aan|till|til|vastaanottaja|do|komu|pro|címzett|către|кому|до|προς|alıcı|kime|إلى|אל|收件人|收件者|"
        "宛先|받는 사람|받는사람|tới|đến|za|prima|kam|saaja|empfänger|destinataire|destinatario|destinatário|per"
    ),
    "subject": (
        "subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|předmět|predmet|tárgy|subiect|"
        "тема|относно|θέμα|konu|الموضوع|נושא|主题|主題|主旨|件名|제목|chủ đề|tema|teema"
    ),
}
_KIND = {word: kind for kind, words in _WORDS.items() for word in words.split("|")}
_KEY = re.compile(r"[*\s]{0,4}([^\W\d_][^:：*\n]{0,24}?)[*\s]{0,3}[:：]")
_SEPARATOR = re.compile(
    r"\s{0,4}(?:[-_=*—–]{3,80}\s{0,4}[^\W\d_].{0,80}?\s{0,4}[-_=*—–]{3,80}|_{10,200}|-{20,200})\s{0,4}"
)
_DATE = re.compile(r"\d{1,2}[:.h时時시]\s?\d{2}|\b\d{4}\b|\d{1,2}\s?[./-]\s?\d{1,2}|\d年|\d월|\d{4}년")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,255}")
_LONGEST = 400
_SPREAD = 8  # lines that a block of such headers may take


def header_kind(line: str) -> str:
    """from, sent, to or subject; empty for any other line."""
    match = _KEY.match(line)
    return _KIND.get(match[1].strip().lower(), "") if match else ""


def is_separator(line: str) -> bool:
    """``-----Original Message-----`` in any language, and the bare rule of Outlook."""
    return len(line) < _LONGEST and _SEPARATOR.fullmatch(line) is not None


def header_blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where blocks with at least three of the four kinds begin and end, by numbers of lines. Linear: a block is looked for
    only behind the one before."""
    kinds = [header_kind(line) for line in lines]
    found: list[tuple[int, int]] = []
    number = 0
    while number < len(lines):
        if not kinds[number]:
            number += 1
            continue
        seen = {kinds[number]}
        last = at = number
        while at + 1 < len(lines) and at + 1 - number < _SPREAD and lines[at + 1].strip():
            at += 1
            if kinds[at]:
                seen.add(kinds[at])
                last = at
        if len(seen) >= 3:
            found.append((number, last + 1))
            number = last
        number += 1
    return found


def introduces(said: str, people: Sequence[str], *, strictly: bool) -> bool:
    """Whether these words, of one to three lines, are what stands above a quote: somebody of this conversation, and a date
    or a colon at the end. Not ``strictly``: an address of anybody, with a date, will do, and so will a colon with one."""
    if not said or len(said) > _LONGEST:
        return False
    folded = said.casefold()
    known = any(name in folded for name in people)
    if strictly and not known:
        return False
    colon = said.rstrip(" *_").endswith((":", "：", ">"))
    if known and colon:
        return True
    dated = _DATE.search(folded) is not None
    return dated and (known or colon or _ADDRESS.search(said) is not None)
