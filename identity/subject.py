"""Who is calling, as one value that travels through every use case."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from identity.access.compiled import Access, operator_access
from models.audit_event import ActorType, ViaType
from models.document_mode import DocumentMode
from models.ids import new_id
from models.member import Member
from models.organization import Plan


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit log. `user_agent` has at most 400 characters."""

    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Behalf:
    """The member for whom somebody else, or the product itself, acts."""

    member_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What else holds for a caller with an API key. `secret_hash` is of the secret that they gave:
    of two that are good, one may end before the other.
    """

    secret_hash: str = field(repr=False)
    document_mode: DocumentMode | None
    rate_limit: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Subject:
    """An authenticated caller in one organization. The tenant travels inside it.

    `revision` is the organization's access revision at which `access` was read. `via_id` is the
    session's, the key's or the token's id, `via_name` what that is called, and `connection_id` the
    identity provider behind a session. A personal API key acts as its owner, and has `terms` as
    every key. `authenticated_at` is when the person last proved who they are.
    """

    actor_type: ActorType
    actor_id: UUID | None
    actor_name: str
    via: ViaType
    via_id: UUID | None
    organization_id: UUID
    plan: Plan
    revision: int
    access: Access
    origin: Origin = field(default_factory=Origin)
    authenticated_at: datetime | None = None
    via_name: str | None = None
    connection_id: UUID | None = None
    on_behalf_of: Behalf | None = None
    terms: KeyTerms | None = None

    @property
    def by_key(self) -> bool:
        """Whether an API key calls."""
        return self.via is ViaType.API_KEY

    @property
    def member_id(self) -> UUID | None:
        return self.actor_id if self.actor_type is ActorType.MEMBER else None

    def during(self, operation: str | None) -> "Subject":
        """The same subject, with the name of the operation it carries out."""
        sent = self.origin
        origin = Origin(sent.request_id, sent.ip, sent.user_agent, operation)
        return self.again(self.access, origin)

    def again(self, access: Access, origin: Origin) -> "Subject":
        """The same subject, with what it may do now, in another request.

        Written out, because each request does it: `dataclasses.replace` takes three times as long.
        """
        return Subject(
            self.actor_type,
            self.actor_id,
            self.actor_name,
            self.via,
            self.via_id,
            self.organization_id,
            self.plan,
            self.revision,
            access,
            origin,
            self.authenticated_at,
            self.via_name,
            self.connection_id,
            self.on_behalf_of,
            self.terms,
        )


def as_member(subject: Subject, member: Member) -> Subject:
    """The same caller, by the member that it turned out to be."""
    return replace(subject, actor_type=ActorType.MEMBER, actor_id=member.id, actor_name=member.name)


DEPLOYMENT = UUID(int=0)
"""In the audit log, in the place of an organization: what the operator does to all of them."""


def deployment_operator(origin: Origin) -> Subject:
    """The operator, acting on the deployment itself."""
    return operator(DEPLOYMENT, Plan.ENTERPRISE, origin=origin)


def operator(organization_id: UUID, plan: Plan, *, origin: Origin | None = None) -> Subject:
    """The operator at the command line: the owner of the machine, above every role."""
    return _above_roles("operator", ViaType.CLI, organization_id, plan, origin or Origin())


def job(
    name: str, organization_id: UUID, plan: Plan, *, on_behalf_of: Behalf | None = None
) -> Subject:
    """The product itself, doing what is due; `name` says what that is. Its request id is common to
    all that is done at this time.
    """
    origin = Origin(request_id=new_id().hex, operation=name)
    subject = _above_roles(name, ViaType.JOB, organization_id, plan, origin)
    return replace(subject, on_behalf_of=on_behalf_of)


def _above_roles(
    name: str, via: ViaType, organization_id: UUID, plan: Plan, origin: Origin
) -> Subject:
    return Subject(
        actor_type=ActorType.SYSTEM,
        actor_id=None,
        actor_name=name,
        via=via,
        via_id=None,
        organization_id=organization_id,
        plan=plan,
        revision=0,
        access=operator_access(organization_id),
        origin=origin,
    )
