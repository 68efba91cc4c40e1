"""GraphQL about groups.

Owns: the types of this noun.
May import: `schema`'s own modules, `identity`, `models`.
Leaves to others: who is in a group (`identity/groups`, from the directory).
"""
