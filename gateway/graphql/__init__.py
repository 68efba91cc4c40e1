"""GraphQL over HTTP: what a request says, and how its answer is written.

Owns: the endpoint (`door`), reading a request from a body or an address (`parsing`), which document
it means (`documents`), carrying a mutation out once (`idempotency`), the media type of the answer
(`media_types`), the bodies and statuses of answers (`responses`), and the time that an operation
has (`time_budget`).
May import: `schema`, `identity`, `gateway.authenticate`, `gateway.body`, `gateway.rate_limits`,
`gateway.settings`, starlette, orjson, and graphql-core for the kinds of operations.
Leaves to others: running an operation (`schema.execution`), who is calling
(`gateway.authenticate`).
"""
