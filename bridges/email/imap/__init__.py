"""Account mode: a user's own mailbox at another provider, by IMAP (RFC 3501, RFC 9051) for what comes and SMTP for what goes."""
