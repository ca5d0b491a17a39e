"""Account mode: a user's own mailbox at another provider, by IMAP (RFC 3501, RFC 9051) and SMTP."""
