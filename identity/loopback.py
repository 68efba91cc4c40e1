"""This machine, by the names that an address may give it."""

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
