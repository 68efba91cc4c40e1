"""The command line as an operator uses it, in this process, and what the database holds after."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from click.testing import CliRunner

from gateway.cli import cli
from models.database import opened
from tests.conftest import SECRET_KEYS

PUBLIC_URL = "https://gate.example"

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Gatepost:
    """The command line on one database."""

    database_url: str

    def run(self, *arguments: str, stdin: str | None = None, **environment: str | None) -> "Said":
        """One command. A name in `environment` is set, or with `None` taken away."""
        own = {
            "GATEPOST_DATABASE_URL": self.database_url,
            "GATEPOST_PUBLIC_URL": PUBLIC_URL,
            "GATEPOST_SECRET_KEYS": ",".join(SECRET_KEYS),
        }
        result = CliRunner().invoke(
            cli, arguments, prog_name="gatepost", input=stdin, env={**own, **environment}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return Said(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: str, stdin: str | None = None) -> dict[str, str]:
        """The object that a command prints which must succeed."""
        said = self.run(*arguments, "--json", stdin=stdin)
        assert (said.exit_code, said.stderr) == (0, "")
        answer: dict[str, str] = json.loads(said.stdout)
        return answer

    def look(self, read: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """What `read` finds in the database."""

        async def looking() -> ResultT:
            async with opened(self.database_url, SECRET_KEYS):
                return await read()

        return asyncio.run(looking())

    def acme(self) -> dict[str, str]:
        """An organization on ENTERPRISE, owned by olga@acme.example."""
        return self.json(
            *("org", "create", "--slug", "acme", "--name", "Acme"),
            *("--plan", "enterprise", "--owner", "olga@acme.example"),
        )


@dataclass(frozen=True, slots=True)
class Said:
    exit_code: int
    stdout: str
    stderr: str
