"""GraphQL answers about access: who may do what, and why.

Owns: the types and the queries of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: the answers themselves (`identity.answers`), and what the viewer may do with an
object in hand (`viewerCan` in `schema.node`).
"""
