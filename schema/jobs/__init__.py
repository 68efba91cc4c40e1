"""GraphQL about jobs: what takes long, while people watch.

Owns: the type and the subscription of this noun.
May import: `schema`'s own modules, `identity`, `models`.
Leaves to others: carrying jobs out (`identity.jobs` and the nouns that have them).
"""
