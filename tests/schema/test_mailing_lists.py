"""Mailing lists through GraphQL."""

from models import MailingList
from schema.ids import global_id
from tests.door import Person
from tests.world import World

DELETE = """
    mutation ($id: ID!) {
      deleteMailingList(input: {mailingListId: $id}) { deletedMailingListId }
    }
"""


async def test_one_that_a_draft_needs_stays_and_one_that_none_needs_goes(
    olga: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    assert campaign.mailing_list_id is not None
    given = {"id": global_id("MailingList", campaign.mailing_list_id)}
    refused = await olga.ask(DELETE, given)
    assert refused["errors"][0]["extensions"]["code"] == "IN_USE"
    assert await MailingList.exists(id=campaign.mailing_list_id)

    await campaign.delete()
    assert await olga.data(DELETE, given) == {
        "deleteMailingList": {"deletedMailingListId": given["id"]}
    }
    assert not await MailingList.exists(id=campaign.mailing_list_id)
