"""What a document needs: which permission opens which coordinate, and what a role gets of it.

Owns: the requirement tree of an operation (`tree`), of what it selects (`guards`) and what it gives
(`inputs`), which is independent of who asks; what somebody who holds certain permissions gets of it
(`verdict`); what differs between two such answers (`changes`).
May import: `schema`'s declarations and node types, `identity.access`, `models`, graphql-core.
Leaves to others: enforcing the same declarations (`schema.guard`), printing (`gateway`).
"""
