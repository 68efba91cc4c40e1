"""The credentials by which a subject is known: sessions of people, tokens of directories, API keys
of services.

Owns: checking them, and making and ending all but API keys (`identity.api_keys`). Every one is
opaque and stored as a hash.
May import: `models`, `identity.access`, `identity.audit`, and of `identity` the modules `facts`,
`moments`, `presence`, `refusals`, `subject`, `text` and `writing`.
Leaves to others: cookies and headers (`gateway/authenticate`), and proving who somebody is (`sso`).
"""
