"""What short messages are made of: alphabets, user data headers, and how a text becomes segments.

Knows no protocol of any provider.
"""
