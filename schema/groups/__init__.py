"""GraphQL about groups.

Owns: the mutations of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: the type (`schema.members.types`), rules and writes (`identity`).
"""
