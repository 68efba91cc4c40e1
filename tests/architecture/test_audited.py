"""Nothing sensitive is done through any door without an action in the catalogue for it.

That every mutation names its action is a rule of the schema (`test_schema`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import click
from starlette.routing import BaseRoute, Route

from gateway.cli import cli
from gateway.sign_in import routes
from gateway.worker import JOBS
from identity.audit.actions import Action
from scim.door import _ACTIONS
from scim.provider import PROVIDER
from tests.architecture.sources import assert_none, assert_only, python_sources

READING = frozenset(
    {
        *("as-of", "can", "compare", "deliveries", "diff", "explain", "history", "list", "matrix"),
        *("of", "public-key", "show", "unused", "who-can"),
    }
)
"""Commands that are called so change nothing, in whichever group they are."""

# Command: why it has no action of its own.
UNRECORDED_COMMANDS = {
    "audit checkpoint": "prints what proves the log, and seals what the worker would seal",
    "audit verify": "changes nothing",
    "demo": "an installation of its own, of which nothing is kept",
    "docs": "writes pages of the documentation",
    "doctor": "changes nothing",
    "migrate": "changes tables, before there is a log",
    "roles export": "prints the custom roles, which are not secret to the operator",
    "schema": "prints the schema",
    "secrets new-key": "prints a random key",
    "secrets rotate": "encrypts stored secrets anew, and changes nothing that anybody can do",
    "serve": "runs the doors",
    "worker": "runs the jobs",
}

COMMANDS: Mapping[str, Sequence[Action]] = {
    "api-key create": [Action.API_KEY_CREATE],
    "api-key revoke": [Action.API_KEY_REVOKE],
    "api-key rotate": [Action.API_KEY_ROTATE],
    "api-key sponsor": [Action.API_KEY_UPDATE],
    "assignment add": [Action.ROLE_ASSIGN],
    "assignment change": [Action.ASSIGNMENT_UPDATE],
    "assignment remove": [Action.ROLE_UNASSIGN],
    "audit export": [Action.AUDIT_EXPORT, Action.AUDIT_EXPORT_END],
    "audit hold": [Action.AUDIT_HOLD],
    "audit release": [Action.AUDIT_RELEASE],
    "audit rotate-key": [Action.AUDIT_KEY_ROTATE],
    "connection add-oidc": [Action.CONNECTION_CREATE],
    "documents import": [Action.TRUSTED_DOCUMENTS_IMPORT],
    "domain verify": [Action.DOMAIN_VERIFY],
    "group add": [Action.GROUP_UPDATE],
    "group create": [Action.GROUP_CREATE],
    "group delete": [Action.GROUP_DELETE],
    "group remove": [Action.GROUP_UPDATE],
    "invitation resend": [Action.INVITATION_RESEND],
    "invitation revoke": [Action.INVITATION_REVOKE],
    "member invite": [Action.INVITATION_CREATE],
    "member reactivate": [Action.MEMBER_REACTIVATE],
    "member remove": [Action.MEMBER_REMOVE],
    "member suspend": [Action.MEMBER_SUSPEND],
    "org create": [Action.ORGANIZATION_CREATE],
    "org plan": [Action.ORGANIZATION_PLAN],
    "recover-owner": [Action.OWNER_RECOVER, Action.SIGN_IN_LINK_CREATE],
    "review close": [Action.ACCESS_REVIEW_CLOSE],
    "review open": [Action.ACCESS_REVIEW_OPEN],
    "roles create": [Action.ROLE_CREATE],
    "roles delete": [Action.ROLE_DELETE],
    "roles import": [Action.ROLE_CREATE, Action.ROLE_UPDATE, Action.ROLE_DELETE],
    "roles restore": [Action.ROLE_RESTORE],
    "roles update": [Action.ROLE_UPDATE],
    "scim-token create": [Action.SCIM_TOKEN_CREATE],
    "scim-token revoke": [Action.SCIM_TOKEN_REVOKE],
    "workspace archive": [Action.WORKSPACE_ARCHIVE],
    "workspace create": [Action.WORKSPACE_CREATE],
    "workspace restore": [Action.WORKSPACE_RESTORE],
    "webhook add": [Action.WEBHOOK_CREATE],
    "webhook change": [Action.WEBHOOK_UPDATE],
    "webhook redeliver": [Action.WEBHOOK_REDELIVER],
    "webhook remove": [Action.WEBHOOK_DELETE],
    "webhook rotate": [Action.WEBHOOK_ROTATE],
    "webhook test": [Action.WEBHOOK_TEST],
}

SIGN_IN: Mapping[str, Sequence[Action]] = {
    "GET /auth/callback/{connection_id}": [Action.SESSION_SIGN_IN, Action.IDENTITY_LINK],
    "POST /auth/invitation": [Action.INVITATION_ACCEPT],
    "POST /auth/finish": [Action.SESSION_SIGN_IN],
    "POST /auth/logout": [Action.SESSION_SIGN_OUT],
}

# Address: why it has no action.
UNRECORDED_SIGN_IN = {
    "GET /auth/login": "a page",
    "GET /auth/start/{connection_id}": "sends a stranger to the provider; the answer is recorded",
    "GET /auth/link": "a page, which uses nothing up",
    "GET /auth/invitation": "a page, which uses nothing up",
}

WORK: Mapping[str, Sequence[Action]] = {
    "access reviews": [Action.ACCESS_REVIEW_CLOSE, Action.ACCESS_REVIEW_REMIND],
    "audit retention": [Action.AUDIT_EXPIRE],
}

# Job: why it has no action.
UNRECORDED_WORK = {
    "audit sealing": "adds proofs beside the log",
    "redelivery to webhooks": "whoever asked for it is recorded",
    "old deliveries": "deletes what was delivered, and no event",
}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The commands that can be run, as they are typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


def addresses(among: Sequence[BaseRoute]) -> Iterator[str]:
    for route in among:
        assert isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield f"{method} {route.path}"


def unknown(found: Collection[str], recorded: Mapping[str, Sequence[Action]]) -> dict[str, str]:
    """What is there and names no action; and nothing may be named that is not there."""
    assert_none(f"{name} is not there" for name in recorded.keys() - set(found))
    return {name: name for name in found if not recorded.get(name)}


def test_every_command_that_changes_something_has_an_action() -> None:
    changing = [each for each in commands(cli) if each.split()[-1] not in READING]
    assert_only(UNRECORDED_COMMANDS, unknown(changing, COMMANDS))


def test_every_step_of_a_sign_in_has_an_action() -> None:
    assert_only(UNRECORDED_SIGN_IN, unknown(list(addresses(routes)), SIGN_IN))


def test_every_job_has_an_action() -> None:
    assert_only(UNRECORDED_WORK, unknown([job.name for job in JOBS], WORK))


def test_every_write_of_a_directory_has_an_action() -> None:
    writes = {operation for _, operation in _ACTIONS}
    assert {each.name for each in writes} == {"create", "replace", "patch", "delete"}
    endpoints = {str(each.endpoint).casefold().strip("/") for each in PROVIDER.resource_types}
    assert set(_ACTIONS) == {(name, write) for name in endpoints for write in writes}


def test_no_action_is_in_the_catalogue_for_nothing() -> None:
    text = "\n".join(
        source.text
        for source in python_sources()
        if source.is_product and source.path.name not in ("actions.py", "ocsf.py", "replay.py")
    )
    assert_none(action.name for action in Action if f"Action.{action.name}" not in text)


def test_a_command_without_an_action_is_found() -> None:
    @click.group()
    def group() -> None:
        pass

    @group.command()
    def wipe() -> None:
        pass

    assert list(commands(group)) == ["wipe"]
    assert unknown(["wipe"], {}) == {"wipe": "wipe"}
    assert unknown(["wipe"], {"wipe": [Action.MEMBER_REMOVE]}) == {}
