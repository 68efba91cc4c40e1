"""GraphQL about the permissions that there are.

Owns: the types and the query of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: the vocabulary (`identity.access.permissions`).
"""
