"""Setting webhooks up, testing them, and sending messages again."""

from datetime import datetime

import strawberry

from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.webhooks import lining_up, managing
from identity.webhooks.managing import DEFAULT_OVERLAP, HOUR, LONGEST_OVERLAP, Filter, Settings
from identity.webhooks.selecting import EVERYTHING, MOST_PATTERNS
from models.audit_event import Outcome
from models.job import Job as JobRow
from models.webhook import Webhook as WebhookRow
from models.webhook import WebhookDelivery as WebhookDeliveryRow
from models.webhook import WebhookFormat
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, public
from schema.fields import embedded, own_id
from schema.ids import optional_row_id, row_id
from schema.jobs.types import Job
from schema.webhooks.types import Webhook, WebhookDelivery


@strawberry.input(description="Which audit events a webhook is about.")
class WebhookFilterInput:
    actions: list[str] = strawberry.field(
        default_factory=lambda: [EVERYTHING],
        description=(
            f"At most {MOST_PATTERNS}: `role.create`, `role.*`, `*.delete`, or `*` for all."
        ),
    )
    outcome: Outcome | None = strawberry.field(default=None, description="Only with this outcome.")
    workspace_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what concerns this workspace."
    )

    def parsed(self) -> Filter:
        field = "input.filter.workspaceId"
        workspace_id = optional_row_id(self.workspace_id, "Workspace", field=field)
        return Filter(self.actions, self.outcome, workspace_id)


@strawberry.input(description="A webhook to set up.")
class CreateWebhookInput:
    name: str = strawberry.field(description="What it is called.")
    url: str = strawberry.field(description="An https address.")
    filter: WebhookFilterInput | None = strawberry.field(
        default=None, description="Which events; without it, all of them."
    )
    format: WebhookFormat = strawberry.field(
        default=WebhookFormat.GATEPOST, description="What the body of a message is."
    )


@strawberry.input(description="A change of a webhook. What is left out stays as it is.")
class UpdateWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is called.")
    url: str | None = strawberry.field(default=None, description="An https address.")
    filter: WebhookFilterInput | None = strawberry.field(
        default=None, description="Which events, in the place of what was chosen before."
    )
    format: WebhookFormat | None = strawberry.field(
        default=None, description="What the body of a message is."
    )
    enabled: bool | None = strawberry.field(
        default=None,
        description="Whether anything is delivered. Enabled again, it goes on where it stopped.",
    )


@strawberry.input(description="A webhook to delete with its deliveries.")
class DeleteWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook.")


@strawberry.input(description="A webhook that is to get a new secret.")
class RotateWebhookSecretInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    overlap_hours: int = strawberry.field(
        default=DEFAULT_OVERLAP // HOUR,
        description=(
            "For how long messages are signed with the old secret as well: 0 to "
            f"{LONGEST_OVERLAP // HOUR} hours."
        ),
    )


@strawberry.input(description="A webhook to send a test to.")
class TestWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook.")


@strawberry.input(description="A message to send again.")
class RedeliverWebhookDeliveryInput:
    webhook_delivery_id: strawberry.ID = strawberry.field(
        description="The message, which was delivered or given up."
    )


@strawberry.input(description="Dead letters to send again.")
class RedeliverWebhookDeadLettersInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook.")
    since_at: datetime | None = strawberry.field(
        default=None, description="Only what was first put in line then or later."
    )
    until_at: datetime | None = strawberry.field(
        default=None, description="Only what was first put in line before."
    )


@strawberry.type(description="The webhook as it is now.")
class WebhookPayload:
    row: strawberry.Private[WebhookRow]

    webhook: Webhook = embedded("The webhook.", requires=PUBLIC)


@strawberry.type(description="The webhook as it is now, and its new secret.")
class WebhookSecretPayload:
    row: strawberry.Private[WebhookRow]
    clear: strawberry.Private[str]

    webhook: Webhook = embedded("The webhook.", requires=PUBLIC)

    @public("What messages are signed with, as Standard Webhooks writes it. It is shown this once.")
    def secret(self) -> str:
        return self.clear


@strawberry.type(description="What was deleted.")
class DeleteWebhookPayload:
    row: strawberry.Private[WebhookRow]

    deleted_webhook_id: strawberry.ID = own_id(
        "The id that the webhook had.", requires=PUBLIC, type_name="Webhook"
    )


@strawberry.type(description="A message that is in line.")
class WebhookDeliveryPayload:
    row: strawberry.Private[WebhookDeliveryRow]

    delivery: WebhookDelivery = embedded("The message.", requires=PUBLIC)


@strawberry.type(description="What was begun.")
class JobPayload:
    row: strawberry.Private[JobRow]

    job: Job = embedded("The job; `jobProgress` follows it.", requires=PUBLIC)


@strawberry.type
class WebhookMutation:
    @auth(
        "Have audit events delivered to an address. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.ORGANIZATION,
        audits=Action.WEBHOOK_CREATE,
    )
    async def create_webhook(
        self, info: ContextInfo, input: CreateWebhookInput
    ) -> WebhookSecretPayload | None:
        chosen = None if input.filter is None else input.filter.parsed()
        settings = Settings(input.name, input.url, chosen, input.format)
        row, secret = await managing.create(info.context.subject, settings)
        return WebhookSecretPayload(row=row, clear=secret)

    @auth(
        "Change a webhook, enable or disable it. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookId",
        audits=Action.WEBHOOK_UPDATE,
    )
    async def update_webhook(
        self, info: ContextInfo, input: UpdateWebhookInput
    ) -> WebhookPayload | None:
        chosen = None if input.filter is None else input.filter.parsed()
        row = await managing.update(
            info.context.subject,
            row_id(input.webhook_id, "Webhook", field="input.webhookId"),
            Settings(input.name, input.url, chosen, input.format, input.enabled),
            expected_version=input.expected_version,
        )
        return WebhookPayload(row=row)

    @auth(
        "Delete a webhook with its deliveries. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookId",
        audits=Action.WEBHOOK_DELETE,
    )
    async def delete_webhook(
        self, info: ContextInfo, input: DeleteWebhookInput
    ) -> DeleteWebhookPayload | None:
        webhook_id = row_id(input.webhook_id, "Webhook", field="input.webhookId")
        return DeleteWebhookPayload(row=await managing.delete(info.context.subject, webhook_id))

    @auth(
        "Give a webhook a new secret. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookId",
        audits=Action.WEBHOOK_ROTATE,
    )
    async def rotate_webhook_secret(
        self, info: ContextInfo, input: RotateWebhookSecretInput
    ) -> WebhookSecretPayload | None:
        row, secret = await managing.rotate(
            info.context.subject,
            row_id(input.webhook_id, "Webhook", field="input.webhookId"),
            expected_version=input.expected_version,
            overlap=input.overlap_hours * HOUR,
        )
        return WebhookSecretPayload(row=row, clear=secret)

    @auth(
        "Send a message without content to a webhook. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookId",
        audits=Action.WEBHOOK_TEST,
    )
    async def test_webhook(
        self, info: ContextInfo, input: TestWebhookInput
    ) -> WebhookDeliveryPayload | None:
        webhook_id = row_id(input.webhook_id, "Webhook", field="input.webhookId")
        return WebhookDeliveryPayload(row=await lining_up.test(info.context.subject, webhook_id))

    @auth(
        "Send a message again that was delivered or given up. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookDeliveryId",
        audits=Action.WEBHOOK_REDELIVER,
    )
    async def redeliver_webhook_delivery(
        self, info: ContextInfo, input: RedeliverWebhookDeliveryInput
    ) -> WebhookDeliveryPayload | None:
        field = "input.webhookDeliveryId"
        delivery_id = row_id(input.webhook_delivery_id, "WebhookDelivery", field=field)
        row = await lining_up.redeliver(info.context.subject, delivery_id)
        return WebhookDeliveryPayload(row=row)

    @auth(
        "Send the dead letters of a webhook again, as a job. For owners.",
        requires=[Permission.AUDIT_EXPORT],
        at="input.webhookId",
        audits=Action.WEBHOOK_REDELIVER,
    )
    async def redeliver_webhook_dead_letters(
        self, info: ContextInfo, input: RedeliverWebhookDeadLettersInput
    ) -> JobPayload | None:
        row = await lining_up.redeliver_dead_letters(
            info.context.subject,
            row_id(input.webhook_id, "Webhook", field="input.webhookId"),
            since=input.since_at,
            until=input.until_at,
        )
        return JobPayload(row=row)
