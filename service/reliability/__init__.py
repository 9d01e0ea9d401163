"""Whether what is served can be relied on: what may go wrong around it, made to happen."""
