"""Single sign-on: connections, OpenID Connect, linking, and the way from a verified identity to a
session.

Owns: everything that decides whether a sign-in is trusted.
May import: `models`, `identity.access`, `identity.audit`, `identity.credentials`, joserfc, authlib,
httpcore.
Leaves to others: pages, cookies and redirects (`gateway`).
"""
