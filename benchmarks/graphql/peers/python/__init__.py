"""The peers in Python: each module is an ASGI application called `app`."""
