"""GraphQL on connections that stay open: at `/graphql/stream`, as events and over a WebSocket.

Owns: both protocols (`server_sent`, with its `reservations`, and `socket`), the operations of one
connection (`operations`), what a connection may hold (`bounds`), and how one ends with the process
(`stopping`).
May import: `schema`, `identity`, `gateway.graphql`, `gateway.authenticate`, `gateway.body`,
`gateway.settings`, starlette, orjson, and graphql-core for the kinds of operations.
Leaves to others: running an operation (`schema.streams`), knowing that a caller is still who they
were (`identity.presence`), the frames of a WebSocket (uvicorn, with the library websockets).
"""
