"""The words that lines are made of: what stands in real ones, and what should never."""

ME = "Nick"
NICKS = (
    ME,
    "nick",
    "Bob",
    "bob",
    "Eve",
    "[Ann]",
    "{ann}",
    "a^b",
    "A~B",
    "Ünal",
    "😀",
    "x" * 40,
    "*",
    "irc.example",
)
SOURCES = (
    "",
    ":Nick!n@h ",
    ":Bob!b@h ",
    ":Eve!~e@2001:db8::1 ",
    ":irc.example ",
    ":[Ann]!a@h ",
    ":x!y@z!w@v ",
    ":😀!e@h ",
    ": ",
    ":!@ ",
    ":@ ",
    ":! ",
    ":Bob ",
    ":Nick ",
    ":services.",
    "::x ",
)
CHANNELS = (
    "#foo",
    "#FOO",
    "#bar",
    "#[x]",
    "#{x}",
    "&loc",
    "+mod",
    "!ABCDEsafe",
    "#a%b",
    "##",
    "#",
    "#foo,#bar",
    "@#foo",
)
TAGS = (
    "time=2024-01-02T03:04:05.678Z",
    "time=9999-99-99T99:99:99Z",
    "time=",
    "msgid=m1",
    "msgid=m2",
    "account=bob",
    "label=1",
    "label=2",
    "label=a",
    "batch=b",
    "batch=c",
    "batch=d",
    "bot",
    "draft/multiline-concat",
    "+reply=m1",
    "+draft/reply=m1",
    "+draft/react=👍",
    "+draft/unreact=👍",
    "+draft/react=\\s\\:",
    "+typing=active",
    "+typing=done",
    "=x",
    "",
    "a\\",
    "+",
    "inspircd.org/echo",
)
_CAPS = """
    sasl sasl=PLAIN,EXTERNAL sasl=SCRAM-SHA-256,PLAIN message-tags server-time batch labeled-response echo-message
    account-tag extended-join multi-prefix userhost-in-names chghost draft/multiline=max-bytes=4096,max-lines=10
    draft/multiline=max-bytes=,max-lines=-1 draft/message-redaction draft/chathistory sts=port=6697,duration=1
    sts=duration=x -sasl
    ~batch = -
"""
_TOKENS = """
    CHATHISTORY=50 CHATHISTORY=0 CHATHISTORY= CHATHISTORY=99999999 MSGREFTYPES=timestamp MSGREFTYPES=msgid MSGREFTYPES=
    CASEMAPPING=ascii CASEMAPPING=rfc1459 CASEMAPPING=rfc1459-strict CASEMAPPING=rfc8265 CASEMAPPING=x
    CASEMAPPING= -CASEMAPPING PREFIX=(ov)@+ PREFIX= PREFIX PREFIX=(o)@ PREFIX=(oo)@@ PREFIX=(qaohv)~&@%+
    PREFIX=(ov)@ PREFIX=ov@+ -PREFIX CHANTYPES= CHANTYPES=#& CHANTYPES=#&+! CHANTYPES=@ CHANMODES=b,k,l,imnpst
    CHANMODES=beIq,k,l,imnpstrRc CHANMODES= CHANMODES=,,, CHANMODES=o,v,b,k CHANMODES=a,b,c,d,e,f LINELEN=1
    LINELEN=99999999 LINELEN=2048 -LINELEN STATUSMSG=@+ STATUSMSG= STATUSMSG=# NICKLEN=1 NICKLEN=0 NICKLEN=-1
    NICKLEN=999999999999 TOPICLEN=0 KICKLEN=0 MODES=0 MODES= MODES=1 MODES=20 MODES=99999999
    TARGMAX=JOIN:,PRIVMSG:0,KICK:x TARGMAX= MAXTARGETS=0 CHANLIMIT=#:1 CHANLIMIT=#:0 MAXLIST=b:1 NETWORK=a\\x20b
    NETWORK=\\xff NETWORK=\\x0 EXCEPTS EXCEPTS=ee INVEX=I EXTBAN=~,qa EXTBAN=,mR EXTBAN=$ EXTBAN=,
    ACCOUNTEXTBAN=a,account WHOX SAFELIST SECURELIST=9999 SECURELIST ELIST=U ELIST= CLIENTTAGDENY=*
    CLIENTTAGDENY=*,-typing CLIENTTAGDENY= MONITOR=0 MONITOR UTF8ONLY BOT=B KEYLEN=0 = - -= =x
"""
NAMES = (
    "@Nick",
    "+Bob",
    "Eve!e@h",
    "@+Bob!b@h",
    "~&@%+Ann",
    "@",
    "+",
    "!@",
    "x!@",
    "@@Nick",
    "Nick",
    "nick",
    "Bob!b@",
    "😀",
)
MODES = (
    "+o",
    "-o",
    "+v",
    "+ov-b",
    "+b",
    "-b",
    "+k",
    "-k",
    "+l",
    "+m",
    "-m",
    "+ntims",
    "+",
    "-",
    "",
    "+-+",
    "+beIq",
    "+oooooo",
    "+é",
)
MASKS = ("*!*@h", "$a:bob", "~q:x", "m:*!*@*", "*" * 60, "a!b@c", "", "?*?*?*?*", ":x", "*!*@2001:db8::1")
STAMPS = ("1700000000", "0", "-1", "99999999999999999999", "x", "١٢", "")
TEXTS = (
    "hello there",
    "\x02bold\x02 \x1dit\x0f",
    "\x0304,99red\x03",
    "\x03,5\x03123,456",
    "\x04ff00FF,00ff00x\x04g",
    "\x16\x11`\x1e~\x1f_",
    "\x01ACTION waves\x01",
    "\x01ACTION\x01",
    "\x01",
    "\x01\x01",
    "\x01VERSION\x01",
    "\x01PING 123\x01",
    "\x01TIME\x01",
    "\x01CLIENTINFO",
    "\x01 \x01",
    "\x01PING \x01\x01",
    "```",
    "```py\ncode",
    "[#foo] welcome",
    "[] x",
    "\ufffe\uffff\x0b\x0c\x1b",
    "é" * 200,
    "👩‍👩‍👧‍👦" * 30,
    "\u202e\u200b",
    "",
    " ",
    ":",
    "x" * 600,
    "Cannot join channel (+i)",
)
BASE64 = ("+", "*", "cj0xLHM9WA==", "dj1hYWFh", "====", "x" * 400, "A" * 401, "ZT1pbnZhbGlk", "é")
CHALLENGES = (
    "cj1hYmMscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==",
    "cj0scz0saT0w",
    "cj1hLHM9YSxpPTk5OTk5OTk5OTk5",
    "LCwsPT0=",
)
_NUMERICS = """
    001 002 004 005 221 251 254 263 301 305 311 315 318 319 321 322 323 324 328 329 330 331 332 333 341 346 347
    348 349 352 353 354 366 367 368 371 372 375 376 396 401 402 403 404 405 406 407 415 421 422 432 433 436 437
    438 439 441 442 443 447 451 461 464 465 467 470 471 472 473 474 475 476 477 478 479 480 481 482 484 485 486
    489 490 501 502 520 531 671 696 707 710 716 717 728 729 730 734 900 901 902 903 904 905 906 907 908 999 000
    0000 1
"""
WORDS = (
    *NICKS,
    *CHANNELS,
    *TEXTS,
    *MODES,
    *MASKS,
    *STAMPS,
    "LS",
    "ACK",
    "JOIN",
    "LIST",
    "PRIVMSG",
    "AUTHENTICATE",
    "=",
    "0",
    "causeway-1",
)
CAPS, TOKENS, NUMERICS = tuple(_CAPS.split()), tuple(_TOKENS.split()), tuple(_NUMERICS.split())
