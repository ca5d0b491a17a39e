"""Mail on its way out: the smarthost, the queue before it, and what comes back of it."""
