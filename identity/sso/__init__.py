"""Single sign-on: connections, OpenID Connect, linking, and the way from a verified identity to a
session.

Owns: everything that decides whether a sign-in is trusted.
May import: `models`, `identity.access`, `identity.audit`, `identity.credentials`, of `identity` the
modules `fetching`, `invitations`, `mail`, `refusals`, `subject`, `text` and `writing`; joserfc,
authlib, orjson.
Leaves to others: pages, cookies and redirects (`gateway`).
"""
