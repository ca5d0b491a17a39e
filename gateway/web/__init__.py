"""What the gateway itself serves over HTTP, where the operator wants it."""
