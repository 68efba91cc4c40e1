"""A legal hold: while it stands, and 30 days beyond, retention deletes nothing of the audit log."""

from identity import owners, text
from identity.access.decision import Target
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import REASON_LENGTH, target
from identity.organizations import ORGANIZATION
from identity.refusals import Conflict
from identity.retention import latest, window
from identity.subject import Subject
from identity.writing import Write, writing
from models.audit_retention import AuditRetention
from models.organization import Organization


async def place(subject: Subject, *, reason: str) -> Organization:
    """Hold everything that is in the log, and everything that will be.

    Raises `Forbidden` for anybody but an owner, `BadInput` without a reason, and `Conflict` when
    there is a hold already.
    """
    return await _set(subject, held=True, reason=reason)


async def release(subject: Subject, *, reason: str) -> Organization:
    """End the hold. What it kept is not deleted for another 30 days.

    Raises `Forbidden` for anybody but an owner, `BadInput` without a reason, and `Conflict` when
    there is no hold.
    """
    return await _set(subject, held=False, reason=reason)


async def _set(subject: Subject, *, held: bool, reason: str) -> Organization:
    action = Action.AUDIT_HOLD if held else Action.AUDIT_RELEASE
    async with writing(subject, action, exclusive=True) as write:
        organization = await ORGANIZATION.find(write.access, write.organization_id)
        write.about(target(organization))
        write.access.require(Permission.ORGANIZATION_UPDATE, Target())
        owners.require_being_owner(write.subject)
        why = text.label(reason, field="reason", longest=REASON_LENGTH)
        await _declare(write, organization, held=held)
        diff = changes({"legalHold": not held}, {"legalHold": held})
        await write.record(target(organization), diff, reason=why)
    return organization


async def _declare(write: Write, organization: Organization, *, held: bool) -> None:
    before = await latest(organization.id)
    if (before is not None and before.held) is held:
        raise Conflict("There is a legal hold already." if held else "There is no legal hold.")
    days = before.days if before is not None else window(write.subject.plan)
    await AuditRetention.create(organization_id=organization.id, days=days, held=held)
