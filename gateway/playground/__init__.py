"""Real servers and scripted people in a temporary directory: for trying the gateway out and for testing it.

This room knows XMPP and IRC servers as programs to be started, and users as sockets that talk to them. It knows nothing
of the gateway's insides, and only the command line and the tests know of it.
"""
