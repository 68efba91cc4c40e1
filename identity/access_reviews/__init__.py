"""Access reviews: an owner has each assignment of a workspace, or each of Owner, looked through.

Owns: `opening` (a review and its items), `deciding` (confirming and revoking, and who may),
`closing` (what becomes of the unanswered ones, and calling off), `due` (what the worker does by
itself: closing and reminding), and `reading`.
May import: `models` and `identity`'s own modules.
Leaves to others: taking a role away (`identity.assignments`), when the worker looks (`gateway`).
"""
