"""The GraphQL API, written in Strawberry: one folder a noun.

Owns: the types, queries and mutations, the `@auth` and `@public` declarations and their
enforcement (`guard`), the execution of a request (`execution`), of a subscription (`streams`),
and what there is to say of one (`explaining`), the committed SDL.
May import: `identity`, `models`, strawberry, graphql-core, prometheus-client. Never `scim` or
`gateway`.
Leaves to others: rules and writes (`identity`), HTTP (`gateway`).
"""
