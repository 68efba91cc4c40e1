"""The credentials by which a subject is known: sessions of people, tokens of directories.

Owns: making, checking and ending them. Every one is opaque and stored as a hash.
May import: `models`, `identity.access`, `identity.audit`, and of `identity` the modules `moments`,
`refusals`, `subject`, `text` and `writing`.
Leaves to others: cookies and headers (`gateway/authenticate`), and proving who somebody is (`sso`).
"""
