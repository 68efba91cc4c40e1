"""The webhooks of an organization, kept by its owners.

What goes out are whole events, with what was changed: all that only an owner reads. So nobody else
makes, changes, tests or repeats anything here; who may export the audit log sees where it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from identity import fetching, owners, text
from identity.access import targets
from identity.access.compiled import Access
from identity.access.entitlements import Feature, plans
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, target
from identity.fetching import AddressRefused
from identity.refusals import BadInput, Conflict
from identity.subject import Subject
from identity.webhooks import feed
from identity.webhooks.messages import new_secret
from identity.webhooks.selecting import EVERYTHING, patterns
from identity.writing import Write, require_version, writing
from models.audit_event import Outcome
from models.clock import now
from models.listing import Listing, Rows
from models.secret import keyring
from models.webhook import DeliveryStatus, Webhook, WebhookDelivery, WebhookDisabled, WebhookFormat

MOST_WEBHOOKS = 10
"""Of an organization."""
HOUR = timedelta(hours=1)
DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)

WEBHOOK = Lookup(Webhook, "webhook", Place.ORGANIZATION, seen_with(Permission.AUDIT_EXPORT))
DELIVERY = Lookup(
    WebhookDelivery,
    "delivery of a webhook",
    Place.ORGANIZATION,
    seen_with(Permission.AUDIT_EXPORT),
)

_CONFIGURATION = ("name", "url", "actions", "outcome", "workspace_id", "format")
_STANDING = ("disabled", "disabled_at", "failures", "failing_since", "rests_until")
_SECRETS = (
    "secret_encrypted",
    "secret_fingerprint",
    "previous_encrypted",
    "previous_fingerprint",
    "previous_until",
)
_TOUCHED = ("version", "updated_at")


class _Addresses:
    """Which addresses this process lets webhooks have. Set when it starts."""

    allow_loopback = False


_addresses = _Addresses()


def use(*, allow_loopback: bool) -> None:
    """Say whether webhooks may lead to this machine, which is for development."""
    _addresses.allow_loopback = allow_loopback


def client() -> fetching.Client:
    """What messages are sent by."""
    return fetching.Client(_addresses.allow_loopback)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: of actions, an outcome and a workspace, where these are given."""

    actions: Sequence[str] = (EVERYTHING,)
    outcome: Outcome | None = None
    workspace_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a webhook is. For a change, `None` leaves a part as it is."""

    name: str | None = None
    url: str | None = None
    filter: Filter | None = None
    format: WebhookFormat | None = None
    enabled: bool | None = None

    def complete(self) -> "Settings":
        """The same of a new webhook: about every event, unless something else is said."""
        return Settings(
            self.name or "",
            self.url or "",
            self.filter or Filter(),
            self.format or WebhookFormat.GATEPOST,
        )


def listing(access: Access) -> Listing:
    """The webhooks of the organization, by name. Raises `Forbidden` without `audit:export`."""
    access.require(Permission.AUDIT_EXPORT, Place.ORGANIZATION.target())
    return Rows(Webhook, {"organization_id": access.organization_id}, order="t.name, t.id")


def deliveries(access: Access, webhook_id: UUID) -> Listing:
    """What is kept of a webhook's messages, newest first. Raises `Forbidden` likewise."""
    return _deliveries(access, webhook_id=webhook_id)


def dead_letters(access: Access, webhook_id: UUID) -> Listing:
    """Those that were given up."""
    return _deliveries(access, webhook_id=webhook_id, status=DeliveryStatus.DEAD.value)


def _deliveries(access: Access, **where: object) -> Listing:
    access.require(Permission.AUDIT_EXPORT, Place.ORGANIZATION.target())
    return Rows(WebhookDelivery, {"organization_id": access.organization_id, **where})


async def create(subject: Subject, settings: Settings) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is shown this once. It is sent what is committed from now
    on, and perhaps what was a moment ago.

    Raises `Forbidden` for anybody but an owner, `PlanRequired`, `BadInput`, `NotFound` for the
    workspace, and `Conflict` when there are too many.
    """
    secret = new_secret()
    async with writing(subject, Action.WEBHOOK_CREATE, exclusive=True) as write:
        write.about(AuditTarget("webhook", None, settings.name or ""))
        require_managing(write)
        if await Webhook.filter(organization_id=write.organization_id).count() >= MOST_WEBHOOKS:
            raise Conflict(f"There are {MOST_WEBHOOKS} webhooks already, the most there may be.")
        webhook = Webhook(organization_id=write.organization_id, name="", url="")
        await _take(write, webhook, settings.complete())
        webhook.set_secret(secret)
        webhook.position = await feed.head(write.organization_id)
        await webhook.save(force_create=True)
        await write.record(target(webhook), changes({}, _facts(webhook)))
    return webhook, secret


async def update(
    subject: Subject, webhook_id: UUID, settings: Settings, *, expected_version: int
) -> Webhook:
    """Change a webhook. One that is enabled again goes on where it stopped, as far as the audit log
    still has it.

    Raises `NotFound`, `Forbidden` for anybody but an owner, `PlanRequired`, `BadInput` and
    `VersionConflict`.
    """
    async with writing(subject, Action.WEBHOOK_UPDATE) as write:
        webhook = await _found(write, webhook_id, expected_version)
        before = _facts(webhook)
        await _take(write, webhook, settings)
        if settings.enabled is not None and settings.enabled is not webhook.enabled:
            webhook.disabled = None if settings.enabled else WebhookDisabled.BY_HAND
            webhook.disabled_at = None if settings.enabled else now()
            webhook.failures, webhook.failing_since, webhook.rests_until = 0, None, None
        if diff := changes(before, _facts(webhook)):
            await _save(webhook, *_CONFIGURATION, *_STANDING)
            await write.record(target(webhook), diff)
    return webhook


async def delete(subject: Subject, webhook_id: UUID) -> Webhook:
    """Delete a webhook with its deliveries, in any plan.

    Raises `NotFound`, and `Forbidden` for anybody but an owner.
    """
    async with writing(subject, Action.WEBHOOK_DELETE) as write:
        webhook = await WEBHOOK.find(write.access, webhook_id, locked=True)
        write.about(target(webhook))
        owners.require_being_owner(write.subject)
        await webhook.delete()
        await write.record(target(webhook), changes(_facts(webhook), {}))
    return webhook


async def rotate(
    subject: Subject,
    webhook_id: UUID,
    *,
    expected_version: int,
    overlap: timedelta = DEFAULT_OVERLAP,
) -> tuple[Webhook, str]:
    """Give a webhook a new secret, which is shown this once. For the time of the overlap messages
    are signed with both; one that was kept from an earlier rotation is over.

    Raises `NotFound`, `Forbidden` for anybody but an owner, `PlanRequired`, `BadInput` and
    `VersionConflict`.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise BadInput(f"At most {LONGEST_OVERLAP // HOUR} hours.", field="overlapHours")
    secret = new_secret()
    async with writing(subject, Action.WEBHOOK_ROTATE) as write:
        webhook = await _found(write, webhook_id, expected_version)
        before = _facts(webhook)
        webhook.drop_previous()
        if overlap:
            webhook.set_previous(now() + overlap)
        webhook.set_secret(secret)
        await _save(webhook, *_SECRETS)
        await write.record(target(webhook), changes(before, _facts(webhook)))
    return webhook, secret


def require_managing(write: Write) -> None:
    """Raise `Forbidden` for anybody but an owner, and `PlanRequired`."""
    owners.require_being_owner(write.subject)
    plans.require(write.subject.plan, Feature.WEBHOOKS)


async def _found(write: Write, webhook_id: UUID, expected_version: int) -> Webhook:
    webhook = await WEBHOOK.find(write.access, webhook_id, locked=True)
    write.about(target(webhook))
    require_managing(write)
    require_version(webhook, expected_version)
    return webhook


async def _save(webhook: Webhook, *names: str) -> None:
    """Save these columns and no others: delivery writes its own meanwhile."""
    webhook.touch()
    await webhook.save(update_fields=[*names, *_TOUCHED])


async def _take(write: Write, webhook: Webhook, settings: Settings) -> None:
    if settings.name is not None:
        webhook.name = text.label(settings.name, field="name")
    if settings.url is not None:
        webhook.url = _address(settings.url)
    if settings.filter is not None:
        webhook.actions = patterns(settings.filter.actions, field="filter.actions")
        webhook.outcome = settings.filter.outcome
        if settings.filter.workspace_id is not None:
            await targets.visible_workspace(write.access, settings.filter.workspace_id)
        webhook.workspace_id = settings.filter.workspace_id
    if settings.format is not None:
        webhook.format = settings.format


def _address(url: str) -> str:
    try:
        fetching.require_fetchable(url, allow_loopback=_addresses.allow_loopback)
    except AddressRefused as error:
        raise BadInput(
            "Write an https address without user, password and fragment.", field="url"
        ) from error
    return url


def shown(url: str) -> str:
    """An address as people see it: its query may hold a key, which never comes out."""
    parts = urlsplit(url)
    return parts._replace(query="…").geturl() if parts.query else url


def _facts(webhook: Webhook) -> dict[str, object]:
    """For the audit log. The query of an address is told by its fingerprint."""
    has_query = shown(webhook.url) != webhook.url
    return {
        "name": webhook.name,
        "url": shown(webhook.url),
        "urlFingerprint": keyring.fingerprint(webhook.url) if has_query else None,
        "actions": frozenset(webhook.actions),
        "outcome": webhook.outcome,
        "workspaceId": webhook.workspace_id,
        "format": webhook.format,
        "disabled": webhook.disabled,
        "secretFingerprint": webhook.secret_fingerprint,
        "previousFingerprint": webhook.previous_fingerprint,
        "previousUntil": webhook.previous_until,
    }
