"""GraphQL about webhooks and their deliveries.

Owns: the types and mutations of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: rules, writes and delivering (`identity.webhooks`).
"""
