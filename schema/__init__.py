"""The GraphQL API, written in Strawberry: one folder a noun.

Owns: the types, queries and mutations, the `@auth` and `@public` declarations and their
enforcement (`guard`), the execution of a request (`execution`) and of a subscription (`streams`),
the committed SDL.
May import: `identity`, `models`, strawberry, graphql-core. Never `scim` or `gateway`.
Leaves to others: rules and writes (`identity`), HTTP (`gateway`).
"""
