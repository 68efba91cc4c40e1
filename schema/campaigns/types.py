"""Campaigns."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity.access.kinds import CAMPAIGN
from identity.access.lookup import Place
from identity.access.permissions import Permission
from models.assignment import ScopeType
from models.campaign import Campaign as CampaignRow
from models.campaign import CampaignStatus
from schema.connection import Connection
from schema.directives import column, public_column
from schema.fields import embedded, to_one
from schema.mailing_lists.types import MailingList
from schema.members.types import Assignment, Member, assignments_at
from schema.node import Node
from schema.sending_servers.types import SendingServer

SEEN = CAMPAIGN.seen_with
READ = (Permission.CAMPAIGNS_READ,)
RESULTS = (Permission.CAMPAIGNS_RESULTS,)


@strawberry.type(description="What became of a campaign, in counts.")
class CampaignResults:
    row: strawberry.Private[CampaignRow]

    recipients: int = public_column("recipients", "To how many addresses it went.")
    delivered: int = public_column("delivered", "How many servers took it.")
    opened: int = public_column("opened", "How many people opened it.")
    clicked: int = public_column("clicked", "How many people followed a link.")
    bounced: int = public_column("bounced", "How many servers sent it back.")
    complained: int = public_column("complained", "How many people called it spam.")


@strawberry.type(description="One outbound mailing.")
class Campaign(Node):
    row: strawberry.Private[CampaignRow]
    place = Place.RESOURCE
    own_groups: ClassVar[frozenset[str]] = frozenset({"campaigns"})

    name: str | None = column("name", "What it is called.", requires=SEEN)
    status: CampaignStatus | None = column("status", "How far it is.", requires=SEEN)
    version: int | None = column(
        "version", "Grows with each change; give it back as `expectedVersion`.", requires=SEEN
    )
    created_at: datetime | None = column("created_at", "When it was drafted.", requires=SEEN)
    updated_at: datetime | None = column("updated_at", "When it last changed.", requires=SEEN)
    scheduled_at: datetime | None = column("scheduled_at", "When it will go out.", requires=SEEN)
    started_at: datetime | None = column("started_at", "When it went out.", requires=SEEN)
    subject: str | None = column("subject", "The subject line.", requires=READ)
    body: str | None = column("body", "The text of the mail.", requires=READ)

    results: CampaignResults | None = embedded("What became of it.", requires=RESULTS)
    owner: Member | None = to_one("owner", "Who drafted it.", requires=SEEN)
    mailing_list: MailingList | None = to_one("mailing_list", "Whom it goes to.", requires=READ)
    sending_server: SendingServer | None = to_one(
        "sending_server", "What it goes out through.", requires=READ
    )
    assignments: Connection[Assignment] | None = assignments_at(ScopeType.CAMPAIGN)
