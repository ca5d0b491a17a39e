"""What a hostile or broken IRC server may send, in millions of lines: ``python -m tests.fuzz.irc --help``."""
