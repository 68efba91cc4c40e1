"""The command line: the operator's door.

Owns: the commands, one module a group; how they open settings and database (`opening`), and what
they print. Every refusal is one sentence on standard error and exit code 1; wrong usage is 2.
May import: `gateway.app`, `gateway.settings`, `schema`, `identity`, `models`, click, uvicorn,
starlette, cryptography, and asyncpg and Tortoise for their errors. Of `gateway.demo` it names the
command, and imports nothing.
Leaves to others: the rules (`identity`).
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

import click

from gateway.cli.opening import FAILURES, sentence


class Entry(NamedTuple):
    """Where a command is (`module:name`), and its sentence in the list of commands; without one it
    is not listed.
    """

    place: str
    sentence: str | None


COMMANDS: Mapping[str, Entry] = {
    "access": Entry("gateway.cli.access:access", "Who may do what, and why."),
    "api-key": Entry("gateway.cli.api_keys:api_key", "API keys: credentials of services."),
    "assignment": Entry(
        "gateway.cli.assignments:assignment",
        "Assignments: who was given which role where, until when and why.",
    ),
    "audit": Entry(
        "gateway.cli.audit:audit",
        "The audit log: taking it along, what proves it, and how long it is kept.",
    ),
    "connection": Entry(
        "gateway.cli.sign_in:connection",
        "Identity providers that an organization signs in with.",
    ),
    "demo": Entry(
        "gateway.demo.command:demo",
        "Run an example organization on SQLite, with an identity provider where you pick who you "
        "are.",
    ),
    "docs": Entry("gateway.cli.reference:docs", None),
    "documents": Entry(
        "gateway.cli.documents:documents",
        "Documents of frontends: those that the server trusts, and what roles get of them.",
    ),
    "doctor": Entry(
        "gateway.cli.doctor:doctor",
        "Check settings, keys, database and stored secrets; exit code 1 on a problem.",
    ),
    "domain": Entry("gateway.cli.sign_in:domain", "Mail domains that an organization owns."),
    "explain": Entry(
        "gateway.cli.explain:explain",
        "Run a query as a member, and print its plan, its SQL and what decided about each field.",
    ),
    "group": Entry(
        "gateway.cli.groups:group", "Groups that people keep, and those of a directory to read."
    ),
    "invitation": Entry(
        "gateway.cli.invitations:invitation", "Invitations: who was invited, sent again, revoked."
    ),
    "member": Entry(
        "gateway.cli.members:member", "Members: invited, suspended, brought back, removed."
    ),
    "migrate": Entry(
        "gateway.cli.database:migrate", "Bring the database to the tables of this version."
    ),
    "org": Entry(
        "gateway.cli.organization:organization", "Open organizations, and change their plan."
    ),
    "recover-owner": Entry(
        "gateway.cli.organization:recover_owner",
        "Make a member an active owner again, and print a one-time sign-in link.",
    ),
    "review": Entry(
        "gateway.cli.reviews:review", "Access reviews: who holds which role, looked through."
    ),
    "roles": Entry(
        "gateway.cli.roles:roles",
        "Custom roles: look at them, change them, compare them, keep them in git.",
    ),
    "schema": Entry("gateway.cli.reference:schema", "Print the GraphQL schema (SDL)."),
    "scim-token": Entry(
        "gateway.cli.directory:scim_token", "Tokens by which a directory provisions people."
    ),
    "secrets": Entry(
        "gateway.cli.secret_keys:secret_keys", "Make and rotate the keys of stored secrets."
    ),
    "serve": Entry(
        "gateway.cli.serve:serve", "Serve every door, on the settings of the environment."
    ),
    "webhook": Entry(
        "gateway.cli.webhooks:webhook", "Webhooks: addresses that audit events are delivered to."
    ),
    "worker": Entry(
        "gateway.cli.worker:worker", "Do what is due by itself, such as delivering to webhooks."
    ),
    "workspace": Entry(
        "gateway.cli.workspaces:workspace", "Workspaces: opened, archived and brought back."
    ),
}
"""A command is loaded when it is run, so that a small one, and the list, need not wait for the
application, and nothing but `demo` ever loads the demo.
"""


class Commands(click.Group):
    """All commands. What may go wrong is said in a sentence here, and nowhere else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, none of which is loaded for it."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, text) for name, (_, text) in sorted(COMMANDS.items()) if text is not None]
            )

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FAILURES as error:
            raise click.ClickException(sentence(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatepost")
def cli() -> None:
    """Gatepost: a GraphQL gateway with SSO and SCIM."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    cli.main(arguments, prog_name="gatepost")
