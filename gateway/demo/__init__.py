"""The demo: an example organization, and an OpenID provider where you pick who you are.

Owns: `people` (who there is), `seed` (the example organization, made by the product's own use
cases), `identity_provider`, `mailbox`, `examples` (queries to try), the pages and the command.
May import: the rest of `gateway`, `identity`, `models`, `schema.ids`, click, uvicorn, starlette,
joserfc.
Leaves to others: signing in, which is the product's own. Nothing outside this package imports it:
`gatepost serve` cannot reach a provider that signs in anybody.
"""

from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "templates" / "demo"
