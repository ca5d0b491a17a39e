"""The IRC bridge; ``plugin`` has what the gateway is given of it."""
