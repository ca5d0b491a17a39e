"""What a broken or hostile message centre may send, in millions of cases: ``python -m tests.fuzz.sms --help``."""
