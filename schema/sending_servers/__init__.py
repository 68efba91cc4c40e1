"""GraphQL about sending servers.

Owns: the types, queries and mutations of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: rules and writes (`identity`).
"""
