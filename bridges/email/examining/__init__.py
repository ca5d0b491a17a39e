"""What ``causeway doctor`` finds out about mail: the way in, the way out, and what the DNS says of our domains. Sends
nothing, takes nothing, and leaves nothing behind.
"""
