"""The SCIM 2.0 door (RFC 7643, RFC 7644): directories provision people and groups.

Owns: what is served (`resources`, `provider`, `service`), how it maps to our rows (`mapping`,
`keys`), filters and sorting as SQL (`columns`, `filter`, `search`), changes of a group's members
(`membership`), what one request may ask for (`bounds`), the storage that scim2-server's core reads
and writes (`storage`), refusals in SCIM's words (`refusals`), and `door`: one request in, one
response out.
May import: `identity`, `models`, scim2-models, scim2-server's core, pydantic, orjson. Never
`gateway` or `schema`, no strawberry and no starlette.
Leaves to others: rules and writing (`identity/members`, `identity/groups`), HTTP and the bearer
token (`gateway/scim_door`).
"""
