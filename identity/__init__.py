"""Who is calling, what they may do, and what they did.

Owns: `access` (permissions, roles, entitlements, decisions), `audit`, `credentials`, `sso`, the
catalogue of refusals (`refusals`), the `Subject`, mails on their way (`mail`), what processes tell
each other (`facts`) and a caller who stays (`presence`), and one use-case module per noun.
May import: `models`, Tortoise's query sets and errors, httpcore in `fetching`, and in `sso`
joserfc, authlib and orjson. Never strawberry or starlette, and never `schema`, `scim` or `gateway`.
Leaves to others: HTTP, GraphQL and SCIM wording. Every door calls the use cases here, so that a
rule exists once.
"""
