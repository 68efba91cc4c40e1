"""API keys: credentials of services, each with scopes, places and an end.

A personal key carries what its owner holds, and dies with the owner's access. A service key belongs
to the organization: it carries what roles give it, has a sponsor, and goes on when they leave.
Nobody issues, widens or takes over a key that carries more than they hold themselves.

Owns: making, changing, rotating and ending keys, and who sees which.
May import: `models`, `identity.access`, `identity.audit`, and of `identity` the modules
`assignments`, `facts`, `moments`, `owners`, `refusals`, `role_versions`, `subject`, `text` and
`writing`, and `identity.credentials.key_tokens`.
Leaves to others: who calls with a key (`identity.credentials`), and what a key carries of an access
(`identity.access.bounds`).
"""
