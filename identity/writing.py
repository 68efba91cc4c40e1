"""How every sensitive change is made: lock, decide, write, record, commit.

    async with writing(subject, Action.CAMPAIGN_SEND) as write:
        campaign = await targets.resource(write.access, Campaign, id, Permission.CAMPAIGNS_SEND)
        ...
        await write.record(target(campaign), diff, workspace_id=campaign.workspace_id)

Inside the block the organization's row is locked, so that the decision is made on the access that
holds when the change commits: shared for ordinary changes, exclusive for changes of access and for
what rests on a count. A refusal rolls back and is itself recorded, in a transaction of its own.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from uuid import UUID

from tortoise.exceptions import IntegrityError

from identity.access.bounds import read_bounded_access
from identity.access.compiled import Access
from identity.access.load import read_access
from identity.audit.actions import Action
from identity.audit.diff import Change
from identity.audit.record import AuditTarget, Denial, record, record_denial
from identity.facts import Fact, Kind, announce
from identity.owners import require_owner
from identity.refusals import (
    Busy,
    Conflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Refusal,
    Unauthenticated,
    VersionConflict,
)
from identity.subject import Behalf, Subject
from models.audit_event import ActorType
from models.clock import now
from models.database import WaitedTooLong, bounded_waits, is_wait, transaction
from models.member import Member, MemberStatus
from models.organization import Plan
from models.record import VersionedRecord
from models.sql import CommitLost, Statement, is_postgres

_READ_LOCK = Statement("SELECT access_revision, plan FROM organizations WHERE id = $1 FOR SHARE")
_WRITE_LOCK = Statement("SELECT access_revision, plan FROM organizations WHERE id = $1 FOR UPDATE")
_WRITE_LOCK_AT_ONCE = Statement("SELECT 1 FROM organizations WHERE id = $1 FOR UPDATE NOWAIT")
_SQLITE_LOCK = Statement(
    "UPDATE organizations SET access_revision = access_revision WHERE id = $1"
    " RETURNING access_revision, plan"
)
"""SQLite has one writer: taking its lock before the first read avoids a failing upgrade later."""
_BUMP = Statement("UPDATE organizations SET access_revision = access_revision + 1 WHERE id = $1")


class Write:
    """A change under way: the subject as it is inside the transaction, and the audit log."""

    def __init__(
        self, subject: Subject, action: Action, denials: list[Denial], *, changes_access: bool
    ) -> None:
        self.subject = subject
        self.action = action
        self.changes_access = changes_access
        self.target: AuditTarget | None = None
        self.workspace_id: UUID | None = None
        self._denials = denials

    @property
    def access(self) -> Access:
        return self.subject.access

    @property
    def organization_id(self) -> UUID:
        return self.subject.organization_id

    @property
    def by_operator(self) -> bool:
        """Whether it is the operator's, who stands above every role."""
        return self.subject.actor_type is ActorType.SYSTEM

    def require_operator(self, sentence: str) -> None:
        """Raise `Forbidden` with this sentence for anybody but the operator."""
        if not self.by_operator:
            raise Forbidden(sentence, reason="OPERATOR_ONLY")

    def about(self, target: AuditTarget, *, workspace_id: UUID | None = None) -> None:
        """Name the target early, so that a denial names it too."""
        self.target = target
        self.workspace_id = workspace_id

    def refuse(self, refusal: Refusal, target: AuditTarget, *, workspace_id: UUID | None) -> None:
        """Have a denial recorded of one part of the change, while the others are carried out."""
        self._denials.append(Denial(self.action, refusal, self.subject, target, workspace_id))

    async def record(
        self,
        target: AuditTarget,
        diff: Sequence[Change] = (),
        *,
        workspace_id: UUID | None = None,
        action: Action | None = None,
        reason: str | None = None,
        on_behalf_of: Behalf | None = None,
    ) -> None:
        """Add the event of the change, or with `action` of a change that came along with it, which
        may be on somebody's behalf.
        """
        subject = self.subject
        await record(
            action or self.action,
            subject=replace(subject, on_behalf_of=on_behalf_of) if on_behalf_of else subject,
            target=target,
            diff=diff,
            workspace_id=workspace_id,
            reason=reason,
        )


def require_version(row: VersionedRecord, expected: int) -> None:
    """Raise `VersionConflict` when the row was changed since the caller looked at it."""
    if row.version != expected:
        raise VersionConflict(expected=expected, actual=row.version)


@contextmanager
def taken(conflict: Conflict) -> Iterator[None]:
    """Around the one statement that saves a row whose name only one row may have.

    The unique constraint decides, since a look beforehand could not see a concurrent change. Raises
    `conflict` when the name is taken; the transaction can then only be rolled back.
    """
    try:
        yield
    except IntegrityError as error:
        raise conflict from error


@contextmanager
def database_refusals() -> Iterator[None]:
    """Around a transaction. Raises `Busy` when a lock was not to be had in time, and
    `OutcomeUnknown`.
    """
    try:
        with bounded_waits():
            yield
    except WaitedTooLong as error:
        raise Busy from error
    except CommitLost as error:
        raise OutcomeUnknown from error


@asynccontextmanager
async def one_transaction() -> AsyncIterator[list[Denial]]:
    """Several changes as one, such as SCIM's read, modify, write. Nested ones are savepoints.

    Yields the denials met on the way. They are recorded when the outermost one is over, whether it
    committed or not. Raises what `database_refusals` does.
    """
    met = _denials.get()
    if met is not None:
        async with transaction():
            yield met
        return
    met = []
    token = _denials.set(met)
    try:
        with database_refusals():
            async with transaction():
                yield met
    finally:
        _denials.reset(token)
        for denial in met:
            await record_denial(denial)


_denials: ContextVar[list[Denial] | None] = ContextVar("denials", default=None)


@asynccontextmanager
async def writing(
    subject: Subject,
    action: Action,
    *,
    exclusive: bool = False,
    changes_access: bool | Callable[[Access], bool] = False,
) -> AsyncIterator[Write]:
    """One change of one subject; with `exclusive`, the only one in the organization meanwhile.

    With `changes_access` it is exclusive, the access revision grows, and the organization must have
    a lasting owner at the end; a block that finds it changes no access may set
    `write.changes_access` to false. A function says it of the subject's access, so that a change
    that rarely does is alone only then. What fails by our fault is recorded as an error.
    """
    asked = changes_access if callable(changes_access) else None
    async with one_transaction() as denials:
        changing = changes_access if asked is None else asked(subject.access)
        write = Write(subject, action, denials, changes_access=bool(changing))
        failed = True
        try:
            write.subject = await _locked(subject, exclusive=exclusive or write.changes_access)
            if asked is not None and asked(write.access) is not write.changes_access:
                await _turned(write)
            yield write
            if write.changes_access:
                await require_owner(subject.organization_id)
                await _BUMP.execute(subject.organization_id)
                await announce(Fact(Kind.ACCESS, subject.organization_id, subject.organization_id))
            failed = False
        except Refusal as refusal:
            failed = False
            denials.append(Denial(write.action, refusal, subject, write.target, write.workspace_id))
            raise
        finally:
            if failed and is_failure(sys.exception()):
                denials.append(
                    Denial(write.action, None, subject, write.target, write.workspace_id)
                )


def is_failure(error: BaseException | None) -> bool:
    """Whether something went wrong on our side: nobody cancelled, and nobody just had to wait."""
    return isinstance(error, Exception) and not is_wait(error)


async def _turned(write: Write) -> None:
    """Of a subject whose access was read anew, take back what was thought of the change. Who would
    have to wait for the lock while holding a part of it is `Busy` instead.
    """
    write.changes_access = not write.changes_access
    if write.changes_access and is_postgres():
        await _WRITE_LOCK_AT_ONCE.row(write.organization_id)


@asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """Changes that are carried out as ever and rolled back at the end of the block: no row, event,
    announcement or denial is left of them. Inside another transaction, that one goes on.

    Raises `Busy` as `one_transaction` does.
    """
    token = _denials.set([])  # which nobody records
    try:
        with suppress(_Undo), database_refusals():
            async with transaction():
                yield
                raise _Undo
    finally:
        _denials.reset(token)


class _Undo(Exception):
    """Rolls a transaction back."""


async def lock(subject: Subject) -> Subject:
    """Take the organization's lock before reading what a change of access in the same transaction
    rests on; the subject as it is under the lock. The caller holds the transaction. Raises
    `NotFound` when the organization is gone.
    """
    return await _locked(subject, exclusive=True)


async def _locked(subject: Subject, *, exclusive: bool) -> Subject:
    """The subject with the plan and the access that hold under the lock."""
    if not is_postgres():
        row = await _SQLITE_LOCK.returned(subject.organization_id)
    else:
        row = await (_WRITE_LOCK if exclusive else _READ_LOCK).row(subject.organization_id)
    if row is None:
        raise NotFound("organization")
    plan, revision = Plan(row["plan"]), int(row["access_revision"])
    current = (plan, revision) == (
        subject.plan,
        subject.revision,
    ) and not subject.access.expired_at(now())
    organization_id, member_id = subject.organization_id, subject.member_id
    if current or (member_id is None and not subject.by_key):
        return replace(subject, plan=plan)
    if member_id is None or subject.by_key:
        return await _key_now(subject, plan, revision)
    if not await Member.exists(
        id=member_id, organization_id=organization_id, status=MemberStatus.ACTIVE
    ):
        raise Unauthenticated
    access = await read_access(organization_id, member_id, plan)
    return replace(subject, plan=plan, revision=revision, access=access)


async def _key_now(subject: Subject, plan: Plan, revision: int) -> Subject:
    """The caller with an API key as it is under the lock. Raises `Unauthenticated`."""
    access = None
    if subject.via_id is not None:
        access = await read_bounded_access(subject.organization_id, subject.via_id, plan)
    if access is None:
        raise Unauthenticated
    return replace(subject, plan=plan, revision=revision, access=access)
