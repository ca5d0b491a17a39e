"""The SMS bridge: a phone number is a contact, a text is a message. Routes of several kinds lead to the network.

``plugin`` has what the gateway is given of it.
"""
