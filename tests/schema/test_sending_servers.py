"""Sending servers through GraphQL: credentials go in and never come out."""

from models import SendingServer
from schema.ids import global_id
from tests.door import Person
from tests.world import World

CREDENTIALS = """
    mutation ($input: SetSendingServerCredentialsInput!) {
      setSendingServerCredentials(input: $input) {
        sendingServer { username passwordFingerprint version }
      }
    }
"""
PASSWORD = "correct horse battery staple"


async def test_create_change_and_credentials(olga: Person, world: World) -> None:
    data = await olga.data(
        """
        mutation ($input: CreateSendingServerInput!) {
          createSendingServer(input: $input) {
            sendingServer { id name host port passwordFingerprint version }
          }
        }
        """,
        {
            "input": {
                "workspaceId": global_id("Workspace", world.a.id),
                "name": "Main",
                "host": "SMTP.acme.example",
            }
        },
    )
    server = data["createSendingServer"]["sendingServer"]
    id_ = server.pop("id")
    assert server == {
        "name": "Main",
        "host": "smtp.acme.example",
        "port": 587,
        "passwordFingerprint": None,
        "version": 1,
    }

    data = await olga.data(
        CREDENTIALS,
        {
            "input": {
                "sendingServerId": id_,
                "expectedVersion": 1,
                "username": "mailer",
                "password": PASSWORD,
            }
        },
    )
    changed = data["setSendingServerCredentials"]["sendingServer"]
    stored = await SendingServer.get()
    assert changed == {
        "username": "mailer",
        "passwordFingerprint": stored.password_fingerprint,
        "version": 2,
    }
    assert stored.password_encrypted is not None
    assert PASSWORD not in stored.password_encrypted
    event = (await world.events())[-1]
    assert event.action == "sending_server.credentials"
    assert PASSWORD not in str(event.diff)
    assert {
        "path": "passwordFingerprint",
        "before": None,
        "after": stored.password_fingerprint,
    } in event.diff


async def test_an_operator_may_use_a_server_but_not_change_it(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    assert campaign.sending_server_id is not None
    before = await SendingServer.get(id=campaign.sending_server_id)
    body = await otto.ask(
        CREDENTIALS,
        {
            "input": {
                "sendingServerId": global_id("SendingServer", campaign.sending_server_id),
                "expectedVersion": 1,
                "username": "otto",
                "password": PASSWORD,
            }
        },
    )
    assert body["errors"][0]["extensions"]["missing"] == ["SERVERS_CREDENTIALS"]
    after = await SendingServer.get(id=campaign.sending_server_id)
    assert (after.version, after.password_encrypted) == (1, before.password_encrypted)


async def test_one_that_a_draft_needs_stays_and_one_that_none_needs_goes(
    olga: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    delete = """
        mutation ($id: ID!) {
          deleteSendingServer(input: {sendingServerId: $id}) { deletedSendingServerId }
        }
    """
    assert campaign.sending_server_id is not None
    given = {"id": global_id("SendingServer", campaign.sending_server_id)}
    refused = await olga.ask(delete, given)
    assert refused["errors"][0]["extensions"]["code"] == "IN_USE"
    assert await SendingServer.exists(id=campaign.sending_server_id)

    await campaign.delete()
    assert await olga.data(delete, given) == {
        "deleteSendingServer": {"deletedSendingServerId": given["id"]}
    }
    assert not await SendingServer.exists(id=campaign.sending_server_id)
