"""GraphQL about changes of access that are not made: what each would do.

Owns: the query of this noun, and what it takes.
May import: `schema`'s own modules and the nouns whose changes it takes, `identity`, `models`.
Leaves to others: the rehearsal (`identity.rehearsal`), and what it is answered with
(`schema.previews`).
"""
