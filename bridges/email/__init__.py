"""The email bridge: a mailbox is a contact, a mail is a message. The operator's MTA stays at the border.

``plugin`` has what the gateway is given of it. Nothing is imported here: mails are read in processes of their own, which
need little of the bridge.
"""
