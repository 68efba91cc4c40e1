"""GraphQL about what roles get of an operation.

Owns: the types and the query of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: what an operation needs and how much of it works (`schema.requirements`).
"""
