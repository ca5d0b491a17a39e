"""The email bridge: a mailbox is a contact, a mail is a message. The operator's MTA stays at the border."""
