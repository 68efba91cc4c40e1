"""GraphQL about API keys.

Owns: the types, queries and mutations of this noun.
May import: `schema`'s own modules and the nouns it refers to, `identity`, `models`.
Leaves to others: rules and writes (`identity`), and who calls with a key (`gateway`).
"""
