"""The ASGI application: everything that knows HTTP, processes and the command line.

Owns: routes and middleware, turning a request into a Subject (`authenticate`), the translation of
refusals into HTTP (`answers`), the sign-in pages and cookies, settings, the CLI, the demo.
May import: every other package, starlette, uvicorn, click, pydantic, orjson, cryptography,
scim2-server's request and response, prometheus-client, and in the demo joserfc.
Leaves to others: deciding and writing (`identity`), GraphQL (`schema`), the SCIM protocol (`scim`).
"""
