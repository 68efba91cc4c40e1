"""One story through all three doors, with the real command line, server, directory client calls and
identity provider, on both databases.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.journey.installation import Browser, Installation, new_installation
from tests.peers.oidc_provider import Account, Client, OidcProviderProcess

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

BOBS_PAGE = """
    query Page($a: ID!, $b: ID!) {
      viewer { name }
      a: workspace(id: $a) {
        campaigns { nodes { id name version status results { delivered } } }
        sendingServers { nodes { name host } }
      }
      b: workspace(id: $b) { name }
    }
"""
SEND = """
    mutation Send($id: ID!, $version: Int!) {
      sendCampaign(input: {campaignId: $id, expectedVersion: $version}) {
        campaign { status version }
      }
    }
"""
ASSIGN = """
    mutation Assign($role: ID!, $group: ID!, $scope: ID!) {
      assignRole(input: {roleId: $role, principalId: $group, scopeId: $scope}) {
        assignment { id }
      }
    }
"""


@pytest.fixture
def installation(empty_database_url: str) -> Iterator[Installation]:
    """A migrated installation with its server running."""
    installed = new_installation(empty_database_url)
    refused = installed.run("serve", "--port", str(installed.port))
    assert refused.returncode == 1
    assert "gatepost migrate" in refused.stderr
    migrated = installed.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    with installed.served():
        yield installed


@pytest.fixture
async def alice(installation: Installation) -> AsyncIterator[Browser]:
    """The browser of the owner."""
    browser = Browser(installation.url)
    yield browser
    await browser.http.aclose()


@pytest.fixture
async def bob(installation: Installation) -> AsyncIterator[Browser]:
    browser = Browser(installation.url)
    yield browser
    await browser.http.aclose()


async def finish(browser: Browser, page: httpx.Response) -> None:
    """Send the form of the page that a sign-in ends on."""
    code = re.search(r'name="code" value="([^"]+)"', page.text)
    assert code is not None, page.text
    done = await browser.form("/auth/finish", {"code": code[1]})
    assert done.status_code == 303, done.text
    assert browser.is_signed_in()


async def sign_in_through_provider(browser: Browser, installation: Installation) -> None:
    """Bob signs in, from the organization's login page through the certified OpenID provider."""
    redirects: list[str] = []
    clients = [Client("gatepost", "a secret of the provider", redirects)]
    claims = {"email": "bob@acme.example", "email_verified": True}
    provider = OidcProviderProcess(clients, [Account("bob", "bob-at-the-provider", claims)])
    with provider:
        connection = installation.answer(
            *("connection", "add-oidc", "--org", "acme", "--name", "Acme ID"),
            *("--issuer", provider.issuer, "--client-id", "gatepost"),
            *("--client-secret", "a secret of the provider"),
        )
    redirects.append(connection["redirect_uri"])
    with provider:
        login = await browser.get(connection["login_url"])
        start = re.search(r'href="(/auth/start/[^"]+)"', login.text)
        assert start is not None, login.text
        leaving = await browser.get(start[1].replace("&amp;", "&"))
        async with httpx.AsyncClient(timeout=30) as at_provider:
            back = await provider.sign_in(at_provider, leaving.headers["location"], "bob")
        await finish(browser, await browser.get(back))


class Directory:
    """An enterprise directory: SCIM requests with an organization's token."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(timeout=30)

    def connect(self, issued: Mapping[str, str]) -> None:
        """Enter the address and the token that an operator had issued."""
        self.http.base_url = httpx.URL(issued["base_url"] + "/")
        self.http.headers = httpx.Headers(
            {
                "authorization": f"Bearer {issued['token']}",
                "content-type": "application/scim+json",
            }
        )

    async def create(self, endpoint: str, **resource: Any) -> str:
        response = await self.http.post(endpoint, json=resource)
        assert response.status_code == 201, response.text
        id_: str = response.json()["id"]
        return id_

    async def deactivate(self, user_id: str) -> None:
        operation = {"op": "replace", "path": "active", "value": False}
        response = await self.http.patch(
            f"Users/{user_id}", json={"schemas": [PATCH], "Operations": [operation]}
        )
        assert response.status_code in (200, 204), response.text


@pytest.fixture
async def directory() -> AsyncIterator[Directory]:
    """A directory that nobody has connected yet."""
    new = Directory()
    yield new
    await new.http.aclose()


async def build(alice: Browser, a: str) -> str:
    """A complete campaign in workspace A, and a second workspace; the id of the latter."""
    data = await alice.data(
        """
        mutation Build($a: ID!) {
          createWorkspace(input: {slug: "b", name: "B"}) { workspace { id } }
          createMailingList(input: {workspaceId: $a, name: "News"}) { mailingList { id } }
          createSendingServer(input: {workspaceId: $a, name: "Main", host: "smtp.acme.example"}) {
            sendingServer { id }
          }
        }
        """,
        a=a,
    )
    await alice.data(
        """
        mutation Draft($input: CreateCampaignInput!) {
          createCampaign(input: $input) { campaign { id } }
        }
        """,
        input={
            "workspaceId": a,
            "name": "Spring",
            "subject": "Hello",
            "mailingListId": data["createMailingList"]["mailingList"]["id"],
            "sendingServerId": data["createSendingServer"]["sendingServer"]["id"],
        },
    )
    b: str = data["createWorkspace"]["workspace"]["id"]
    return b


async def assign(alice: Browser, role: str, group: str, scope: str) -> str:
    """Give a role by its name to a group by its name; the id of the assignment."""
    data = await alice.data("{ organization { roles { id name } groups { id name } } }")
    roles = {each["name"]: each["id"] for each in data["organization"]["roles"]}
    groups = {each["name"]: each["id"] for each in data["organization"]["groups"]}
    done = await alice.data(ASSIGN, role=roles[role], group=groups[group], scope=scope)
    id_: str = done["assignRole"]["assignment"]["id"]
    return id_


async def test_the_story(
    installation: Installation, alice: Browser, bob: Browser, directory: Directory
) -> None:
    opened = installation.answer(
        *("org", "create", "--slug", "acme", "--name", "Acme", "--plan", "ENTERPRISE"),
        *("--owner", "alice@acme.example"),
    )
    a = opened["workspace"]
    await finish(alice, await alice.get(opened["sign_in_url"]))
    b = await build(alice, a)

    # The directory brings Bob, in a group that the owner maps to Operator in workspace A.
    directory.connect(installation.answer("scim-token", "create", "--org", "acme"))
    bob_id = await directory.create(
        "Users",
        schemas=[USER],
        userName="bob@acme.example",
        displayName="Bob",
        emails=[{"value": "bob@acme.example", "primary": True}],
        active=True,
    )
    await directory.create(
        "Groups", schemas=[GROUP], displayName="Mailers", members=[{"value": bob_id}]
    )
    mapping = await assign(alice, "Operator", "Mailers", a)

    await sign_in_through_provider(bob, installation)

    page = (await bob.graphql(BOBS_PAGE, a=a, b=b)).json()
    campaign = page["data"]["a"]["campaigns"]["nodes"][0]
    assert page["data"]["viewer"] == {"name": "Bob"}
    assert (campaign["name"], campaign["status"]) == ("Spring", "DRAFT")
    assert campaign["results"] == {"delivered": 0}
    assert page["data"]["a"]["sendingServers"] == {"nodes": [{"name": "Main", "host": None}]}
    assert page["data"]["b"] is None
    # In any order: what is asked side by side is answered side by side.
    assert {(*e["path"], e["extensions"]["code"]) for e in page["errors"]} == {
        ("b", "NOT_FOUND"),
        ("a", "sendingServers", "nodes", 0, "host", "FORBIDDEN"),
    }
    assert len(page["errors"]) == 2

    # He edits, and cannot change a role; a mutation with one denied part runs none.
    await bob.data(
        """
        mutation Edit($id: ID!) {
          updateCampaign(input: {campaignId: $id, expectedVersion: 1, body: "Spring is here."}) {
            campaign { version }
          }
        }
        """,
        id=campaign["id"],
    )
    role = (await alice.data("{ organization { roles { id name } } }"))["organization"]["roles"][3]
    assert role["name"] == "Viewer"
    refused = (
        await bob.graphql(
            """
            mutation Sneak($role: ID!, $campaign: ID!) {
              deleteCampaign(input: {campaignId: $campaign}) { deletedCampaignId }
              updateRole(input: {roleId: $role, expectedVersion: 1, add: [CAMPAIGNS_SEND]}) {
                role { id }
              }
            }
            """,
            role=role["id"],
            campaign=campaign["id"],
        )
    ).json()
    assert refused["data"] is None

    # He sends the one campaign; the next one he may no longer send.
    sent = await bob.data(SEND, id=campaign["id"], version=2)
    assert sent["sendCampaign"]["campaign"] == {"status": "SENDING", "version": 3}
    second = await bob.data(
        'mutation Draft($a: ID!) { createCampaign(input: {workspaceId: $a, name: "Summer"})'
        " { campaign { id } } }",
        a=a,
    )
    summer = second["createCampaign"]["campaign"]["id"]
    await alice.data(
        "mutation Demote($old: ID!) { unassignRole(input: {assignmentId: $old})"
        " { deletedAssignmentId } }",
        old=mapping,
    )
    await assign(alice, "Viewer", "Mailers", a)
    late = (await bob.graphql(SEND, id=summer, version=1)).json()
    assert late["data"] is None
    assert late["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "MISSING_PERMISSION",
        "missing": ["CAMPAIGNS_SEND"],
    }

    # The directory lets him go: the very next request is nobody's.
    await directory.deactivate(bob_id)
    gone = await bob.graphql("{ viewer { name } }")
    assert gone.status_code == 401
    assert gone.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    await check_the_log(alice)


async def check_the_log(alice: Browser) -> None:
    """The audit log tells the story, in order and with what changed."""
    data = await alice.data(
        """
        query Log {
          organization { auditEvents(first: 100) { nodes {
            action outcome actorName via targetName operation ip diff
          } } }
        }
        """
    )
    events = data["organization"]["auditEvents"]["nodes"][::-1]
    told = [(e["action"], e["outcome"], e["actorName"], e["via"]) for e in events]
    owner = "alice@acme.example"
    assert told == [
        ("organization.create", "SUCCESS", "operator", "CLI"),
        ("sign_in_link.create", "SUCCESS", "operator", "CLI"),
        ("session.sign_in", "SUCCESS", owner, "SIGN_IN"),
        ("workspace.create", "SUCCESS", owner, "SESSION"),
        ("mailing_list.create", "SUCCESS", owner, "SESSION"),
        ("sending_server.create", "SUCCESS", owner, "SESSION"),
        ("campaign.create", "SUCCESS", owner, "SESSION"),
        ("scim_token.create", "SUCCESS", "operator", "CLI"),
        ("member.provision", "SUCCESS", "Directory", "SCIM_TOKEN"),
        ("group.create", "SUCCESS", "Directory", "SCIM_TOKEN"),
        ("role.assign", "SUCCESS", owner, "SESSION"),
        ("connection.create", "SUCCESS", "operator", "CLI"),
        ("identity.link", "SUCCESS", "Bob", "SIGN_IN"),
        ("session.sign_in", "SUCCESS", "Bob", "SIGN_IN"),
        ("campaign.update", "SUCCESS", "Bob", "SESSION"),
        ("role.update", "DENIED", "Bob", "SESSION"),
        ("campaign.send", "SUCCESS", "Bob", "SESSION"),
        ("campaign.create", "SUCCESS", "Bob", "SESSION"),
        ("role.unassign", "SUCCESS", owner, "SESSION"),
        ("role.assign", "SUCCESS", owner, "SESSION"),
        ("campaign.send", "DENIED", "Bob", "SESSION"),
        ("member.suspend", "SUCCESS", "Directory", "SCIM_TOKEN"),
    ]
    by_operation = {event["operation"]: event for event in events}
    assert by_operation["Edit"]["diff"] == [
        {"path": "body", "before": "", "after": "Spring is here."}
    ]
    status = {"path": "status", "before": "active", "after": "suspended"}
    assert status in events[-1]["diff"]
    assert {event["ip"] for event in events if event["via"] == "SESSION"} == {"127.0.0.1"}
    assert "a secret of the provider" not in str(events)
