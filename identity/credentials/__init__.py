"""The credentials by which a subject is known: sessions of people, tokens of directories.

Owns: making, checking and ending them. Every one is opaque and stored as a hash.
May import: `models`, `identity.access`, `identity.audit`, `identity.subject`, `identity.writing`.
Leaves to others: cookies and headers (`gateway/authenticate`), and proving who somebody is (`sso`).
"""
