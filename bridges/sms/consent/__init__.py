"""Who does not want to be texted any more: what they say, what providers say, and what follows from it."""
