"""`operationAccess`: which roles an operation works for, asked by somebody who may read roles."""

from typing import Any

import httpx
import pytest

from identity.access.permissions import Permission
from models import BuiltinRole, Campaign
from schema.ids import global_id
from schema.limits import MOST_TOKENS
from tests.door import Person, sign_in
from tests.world import World, at_workspace, new_world

ACCESS = """
    query ($document: String!, $name: String, $roles: [ID!], $at: ScopeType! = ORGANIZATION) {
      operationAccess(
        document: $document, operationName: $name, roleIds: $roles, scopeType: $at
      ) {
        role { name }
        verdict
        lost { path coordinate effect missing reason conditions }
      }
    }
"""
PAGE = """
    query Page($id: ID!, $text: Boolean!) {
      campaign(id: $id) { name body @include(if: $text) }
    }
    mutation Send($id: ID!) {
      sendCampaign(input: {campaignId: $id, expectedVersion: 1}) { campaign { name } }
    }
"""
BODY_LOST = {
    "path": "campaign.body",
    "coordinate": "Campaign.body",
    "effect": "NULL",
    "missing": ["CAMPAIGNS_READ"],
    "reason": "Needs `campaigns:read` on this object.",
    "conditions": ["$text"],
}


async def access(person: Person, document: str, **variables: Any) -> Any:
    return await person.ask(ACCESS, {"document": document, **variables})


async def test_every_role_of_the_organization_is_judged(olga: Person, world: World) -> None:
    await world.custom_role("Reporter", Permission.CAMPAIGNS_RESULTS)

    body = await access(olga, PAGE, name="Page")

    assert "errors" not in body
    found = body["data"]["operationAccess"]
    assert [(each["role"]["name"], each["verdict"]) for each in found] == [
        ("Owner", "FULL"),
        ("Admin", "FULL"),
        ("Operator", "FULL"),
        ("Viewer", "FULL"),
        ("Member", "NONE"),
        ("Editor", "FULL"),
        ("Auditor", "FULL"),
        ("Creator", "FULL"),
        ("Reporter", "PARTLY"),
    ]
    assert found[-1]["lost"] == [BODY_LOST]


async def test_the_roles_and_the_place_are_chosen(olga: Person, world: World) -> None:
    ids = [
        global_id("Role", (await world.role(role)).id)
        for role in (BuiltinRole.VIEWER, BuiltinRole.OWNER)
    ]
    body = await access(olga, PAGE, name="Send", roles=ids)
    assert [each["verdict"] for each in body["data"]["operationAccess"]] == ["NONE", "FULL"]
    (lost,) = body["data"]["operationAccess"][0]["lost"]
    assert (lost["path"], lost["effect"]) == ("sendCampaign", "REFUSED")

    plan = "{ organization { plan } }"
    verdicts = [
        (await access(olga, plan, roles=ids[1:], at=at))["data"]["operationAccess"][0]["verdict"]
        for at in ("ORGANIZATION", "WORKSPACE", "CAMPAIGN")
    ]
    assert verdicts == ["FULL", "NONE", "NONE"]


async def test_nothing_of_the_document_is_run(olga: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    events = len(await world.events())
    document = (
        f'mutation {{ deleteCampaign(input: {{campaignId: "{global_id("Campaign", campaign.id)}"}})'
        " { deletedCampaignId } }"
    )
    body = await access(olga, document)

    assert body["data"]["operationAccess"][0]["verdict"] == "FULL"
    assert await Campaign.exists(id=campaign.id)
    assert len(await world.events()) == events


async def test_who_may_not_read_roles_is_refused(otto: Person) -> None:
    body = await access(otto, "{ viewer { name } }")

    assert body["data"] == {"operationAccess": None}
    assert [error["extensions"]["missing"] for error in body["errors"]] == [["ROLES_READ"]]


async def test_who_may_read_roles_in_one_workspace_may_ask(
    http: httpx.AsyncClient, world: World
) -> None:
    member = await world.member("Edda")
    await world.give(member, BuiltinRole.EDITOR, at_workspace(world.a))
    edda = await sign_in(http, world, member)

    body = await access(edda, "{ viewer { name } }")

    assert {each["verdict"] for each in body["data"]["operationAccess"]} == {"FULL"}


async def test_a_role_of_another_organization_is_not_found(olga: Person, world: World) -> None:
    other = await new_world("other")
    theirs = await other.custom_role("Theirs", Permission.FORMS_READ)
    messages = []
    for role_id in (theirs.id, world.owner.id):
        body = await access(olga, PAGE, name="Page", roles=[global_id("Role", role_id)])
        assert body["data"] == {"operationAccess": None}
        assert [error["extensions"]["code"] for error in body["errors"]] == ["NOT_FOUND"]
        messages.append(body["errors"][0]["message"])
    assert messages == ["There is no such role, or you may not see it."] * 2

    everything = await access(olga, "{ viewer { name } }")
    names = [each["role"]["name"] for each in everything["data"]["operationAccess"]]
    assert "Theirs" not in names


@pytest.mark.parametrize(
    ("document", "name", "message"),
    [
        ("{", None, "Syntax Error: Expected Name, found <EOF>."),
        ("{ nobody }", None, "Cannot query field 'nobody' on type 'Query'."),
        (PAGE, None, "The document does not have exactly one such operation."),
        (PAGE, "Other", "The document does not have exactly one such operation."),
    ],
)
async def test_a_document_that_would_not_run_is_bad_input(
    olga: Person, document: str, name: str | None, message: str
) -> None:
    body = await access(olga, document, name=name)

    assert body["data"] == {"operationAccess": None}
    assert [(e["message"], e["extensions"]) for e in body["errors"]] == [
        (message, {"code": "BAD_INPUT", "field": "document"})
    ]


async def test_the_document_has_the_limits_of_any_other(olga: Person) -> None:
    body = await access(olga, "{ viewer { " + "name " * MOST_TOKENS + "} }")

    assert body["data"] == {"operationAccess": None}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["TOO_EXPENSIVE"]


async def test_a_request_asks_about_a_few_documents_only(olga: Person) -> None:
    field = 'operationAccess(document: "{ viewer { name } }") { verdict }'
    asked = [f"d{n}: {field}" for n in range(6)]
    response = await olga.post({"query": "{ " + " ".join(asked) + " }"})

    assert [e["extensions"]["code"] for e in response.json()["errors"]] == ["TOO_EXPENSIVE"]
    assert "errors" not in await olga.ask("{ " + " ".join(asked[:4]) + " }")


async def test_at_most_a_hundred_roles_are_judged(olga: Person, world: World) -> None:
    owner = global_id("Role", (await world.role(BuiltinRole.OWNER)).id)

    body = await access(olga, "{ viewer { name } }", roles=[owner] * 101)

    assert [error["extensions"]["field"] for error in body["errors"]] == ["roleIds"]
    once = await access(olga, "{ viewer { name } }", roles=[owner] * 100)
    assert len(once["data"]["operationAccess"]) == 1
