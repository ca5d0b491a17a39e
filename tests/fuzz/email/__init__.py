"""What anybody may put into a mail, in tens of thousands of mails: ``python -m tests.fuzz.email --help``."""
