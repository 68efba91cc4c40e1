"""The one permission engine: what a subject may do where, and why.

Owns: the permission vocabulary, the built-in roles, the entitlements of the plans, compiled access
(`compiled`), decisions, the visible sets of lists (`visible`) and the only way to a target
(`targets`).
May import: `models`, `identity.refusals` and Tortoise's query sets.
Leaves to others: who the subject is (`identity/credentials`), and the changes of roles and
assignments (the use cases).
"""
