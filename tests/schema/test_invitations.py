"""Inviting through GraphQL: who may, what is answered, and that no link is."""

from typing import Any

from identity.access.permissions import Permission
from models import BuiltinRole, Invitation, Outcome
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.statements import counted_statements
from tests.world import World, at_workspace

FIELDS = """
    id email status scopeType scopeId role { name } invitedByName acceptedBy { name }
    delivery { sentAt attempts failure nextAttemptAt }
    expiresAt viewerCan(permissions: [MEMBERS_INVITE]) { allowed }
"""
INVITE = f"""
    mutation ($input: InviteMemberInput!) {{ inviteMember(input: $input) {{
      invitation {{ {FIELDS} }}
    }} }}
"""
RESEND = """
    mutation ($id: ID!) { resendInvitation(input: {invitationId: $id}) { invitation { status } } }
"""
REVOKE = """
    mutation ($id: ID!) { revokeInvitation(input: {invitationId: $id}) { invitation { status } } }
"""
LIST = f"{{ organization {{ invitations {{ nodes {{ {FIELDS} }} totalCount }} }} }}"


async def given(world: World, email: str = "carla@elsewhere.example") -> dict[str, Any]:
    viewer = await world.role(BuiltinRole.VIEWER)
    return {
        "email": email,
        "roleId": global_id("Role", viewer.id),
        "scopeId": global_id("Workspace", world.a.id),
    }


async def test_invite_send_again_and_revoke(olga: Person, world: World) -> None:
    made = (await olga.data(INVITE, {"input": await given(world)}))["inviteMember"]["invitation"]
    assert made == {
        "id": made["id"],
        "email": "carla@elsewhere.example",
        "status": "PENDING",
        "scopeType": "WORKSPACE",
        "scopeId": global_id("Workspace", world.a.id),
        "role": {"name": "Viewer"},
        "invitedByName": world.owner.name,
        "acceptedBy": None,
        "delivery": {
            "sentAt": None,
            "attempts": 0,
            "failure": "No mail server is set up.",
            "nextAttemptAt": None,
        },
        "expiresAt": made["expiresAt"],
        "viewerCan": [{"allowed": True}],
    }
    listed = (await olga.data(LIST))["organization"]["invitations"]
    assert listed == {"nodes": [made], "totalCount": 1}
    first = (await Invitation.get()).token_hash
    assert await olga.data(RESEND, {"id": made["id"]}) == {
        "resendInvitation": {"invitation": {"status": "PENDING"}}
    }
    assert (await Invitation.get()).token_hash != first
    assert await olga.data(REVOKE, {"id": made["id"]}) == {
        "revokeInvitation": {"invitation": {"status": "REVOKED"}}
    }
    node = await olga.data(
        "query ($id: ID!) { node(id: $id) { ... on Invitation { status } } }", {"id": made["id"]}
    )
    assert node == {"node": {"status": "REVOKED"}}


async def test_who_may_not_invite_is_refused_and_recorded(otto: Person, world: World) -> None:
    body = await otto.ask(INVITE, {"input": await given(world)})

    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["missing"]) == (
        "FORBIDDEN",
        ["MEMBERS_INVITE"],
    )
    assert not await Invitation.exists()
    event = (await world.events())[-1]
    assert (event.action, event.outcome) == ("invitation.create", Outcome.DENIED)
    assert event.workspace_id == world.a.id


async def test_who_invites_in_a_workspace_sees_those_to_it_alone(
    olga: Person, world: World
) -> None:
    role = await world.custom_role(
        "Inviter", Permission.MEMBERS_INVITE, Permission.ROLES_READ, Permission.CAMPAIGNS_READ
    )
    reader = await world.custom_role("Reader", Permission.CAMPAIGNS_READ)
    member = await world.member("Ines")
    await world.give(member, role, at_workspace(world.a))
    ines = await sign_in(olga.http, world, member)
    theirs = {**await given(world), "roleId": global_id("Role", reader.id)}

    made = (await ines.data(INVITE, {"input": theirs}))["inviteMember"]["invitation"]
    everywhere = {
        **theirs,
        "email": "dan@elsewhere.example",
        "scopeId": global_id("Organization", world.organization.id),
    }
    refused = await ines.ask(INVITE, {"input": everywhere})
    other = (await olga.data(INVITE, {"input": everywhere}))["inviteMember"]["invitation"]

    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await ines.data(REVOKE, {"id": made["id"]}))["revokeInvitation"] is not None
    hidden = await ines.ask(REVOKE, {"id": other["id"]})
    assert hidden["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await Invitation.get(email="dan@elsewhere.example")).revoked_at is None
    listed = await ines.ask(LIST)
    assert listed["data"]["organization"]["invitations"] is None


async def test_a_page_of_invitations_costs_the_same_however_many(
    olga: Person, world: World
) -> None:
    counts = []
    for number in range(6):
        await olga.data(INVITE, {"input": await given(world, f"carla{number}@elsewhere.example")})
        await olga.data(LIST)
        with counted_statements() as statements:
            await olga.data(LIST)
        counts.append(len(statements))
    assert counts == [2] * 6, "the page with its roles, and the count"


async def test_an_invitation_costs_the_same_however_many_there_are(
    olga: Person, world: World
) -> None:
    counts = []
    for number in range(4):
        address = f"carla{number}@elsewhere.example"
        await world.member(f"Member {number}")
        with counted_statements() as statements:
            await olga.data(INVITE, {"input": await given(world, address)})
        counts.append(len(statements))
    assert len(set(counts[1:])) == 1, counts
