"""The catalogue of sensitive actions.

An action is `noun.verb`; whether it happened or was denied is the event's outcome, not its name.
An action that was once released stays in the catalogue, because logs hold events of it.
"""

from enum import StrEnum


class Sensitivity(StrEnum):
    """How much an action deserves to be looked at."""

    ROUTINE = "routine"
    SENSITIVE = "sensitive"
    CRITICAL = "critical"


class Action(StrEnum):
    meaning: str

    @property
    def sensitivity(self) -> Sensitivity:
        if self in CRITICAL:
            return Sensitivity.CRITICAL
        return Sensitivity.ROUTINE if self in ROUTINE else Sensitivity.SENSITIVE

    def __new__(cls, value: str, meaning: str) -> "Action":
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    ORGANIZATION_CREATE = "organization.create", "An organization was opened."
    ORGANIZATION_PLAN = "organization.plan", "An organization was put on another plan."
    OWNER_RECOVER = "owner.recover", "The operator made a member an active owner again."
    WORKSPACE_CREATE = "workspace.create", "A workspace was opened."
    WORKSPACE_ARCHIVE = (
        "workspace.archive",
        "A workspace was archived: it can be read, and nothing in it changed.",
    )
    WORKSPACE_RESTORE = "workspace.restore", "An archived workspace was brought back."
    MEMBER_PROVISION = "member.provision", "A directory added a person."
    MEMBER_UPDATE = "member.update", "A person's attributes changed."
    MEMBER_SUSPEND = "member.suspend", "A person lost access; sessions ended."
    MEMBER_REACTIVATE = "member.reactivate", "A suspended person got access back."
    MEMBER_REMOVE = "member.remove", "A person was taken out of the organization; sessions ended."
    MEMBER_LEAVE = "member.leave", "A person left the organization; sessions ended."
    INVITATION_CREATE = "invitation.create", "A role was promised to an address."
    INVITATION_RESEND = "invitation.resend", "An invitation got a new link; the old one is over."
    INVITATION_REVOKE = "invitation.revoke", "An invitation was ended."
    INVITATION_ACCEPT = "invitation.accept", "An invited person became a member, or was refused."
    GROUP_CREATE = "group.create", "A group was made."
    GROUP_UPDATE = "group.update", "A group was renamed, or its members changed."
    GROUP_DELETE = "group.delete", "A group and its assignments were deleted."
    ROLE_CREATE = "role.create", "A custom role was made."
    ROLE_UPDATE = "role.update", "A custom role's name or permissions changed."
    ROLE_RESTORE = "role.restore", "A custom role was made again what it was in an earlier version."
    ROLE_DELETE = "role.delete", "A custom role was deleted."
    ROLE_ASSIGN = "role.assign", "A member or group was given a role at a scope."
    ROLE_UNASSIGN = "role.unassign", "A member or group lost a role at a scope."
    ASSIGNMENT_UPDATE = "assignment.update", "A role that was given got another end or reason."
    ACCESS_REVIEW_OPEN = "access_review.open", "An access review was opened."
    ACCESS_REVIEW_DECIDE = (
        "access_review.decide",
        "A reviewer confirmed or revoked an assignment, or found it gone.",
    )
    ACCESS_REVIEW_REMIND = "access_review.remind", "Reviewers were reminded of an access review."
    ACCESS_REVIEW_CLOSE = (
        "access_review.close",
        "An access review ended; what nobody had answered stayed or was revoked.",
    )
    ACCESS_REVIEW_CANCEL = "access_review.cancel", "An access review was called off."
    CAMPAIGN_CREATE = "campaign.create", "A campaign was drafted."
    CAMPAIGN_UPDATE = "campaign.update", "A campaign's content or attachments changed."
    CAMPAIGN_SEND = "campaign.send", "A campaign was started or scheduled."
    CAMPAIGN_DELETE = "campaign.delete", "A campaign was deleted."
    MAILING_LIST_CREATE = "mailing_list.create", "A mailing list was started."
    MAILING_LIST_DELETE = "mailing_list.delete", "A mailing list and its addresses were deleted."
    SENDING_SERVER_CREATE = "sending_server.create", "A sending server was added."
    SENDING_SERVER_UPDATE = "sending_server.update", "A sending server's settings changed."
    SENDING_SERVER_CREDENTIALS = (
        "sending_server.credentials",
        "A sending server's credentials were replaced.",
    )
    SENDING_SERVER_DELETE = "sending_server.delete", "A sending server was deleted."
    CONNECTION_CREATE = "connection.create", "An SSO connection was set up."
    DOMAIN_VERIFY = "domain.verify", "A mail domain was marked as the organization's own."
    SCIM_TOKEN_CREATE = "scim_token.create", "A directory's token was issued."
    SCIM_TOKEN_REVOKE = "scim_token.revoke", "A directory's token was revoked."
    AUDIT_EXPIRE = "audit.expire", "Events older than the organization's window were deleted."
    AUDIT_HOLD = "audit.hold", "A legal hold was placed: no event is deleted."
    AUDIT_RELEASE = "audit.release", "A legal hold was ended."
    AUDIT_RETENTION = "audit.retention", "Another window applies to how long events are kept."
    AUDIT_KEY_ROTATE = "audit_key.rotate", "The operator had the audit log signed with a new key."
    API_KEY_CREATE = "api_key.create", "An API key was issued."
    API_KEY_UPDATE = "api_key.update", "An API key's scopes, limits, end or sponsor changed."
    API_KEY_ROTATE = "api_key.rotate", "An API key got a new secret."
    API_KEY_REVOKE = "api_key.revoke", "An API key was ended, or ended with its owner's access."
    API_KEY_USE = (
        "api_key.use",
        "An API key was refused: it is over, or came with another secret or from another network.",
    )
    AUDIT_EXPORT = "audit.export", "An export of audit events began; the diff has its filter."
    AUDIT_EXPORT_END = (
        "audit.export_end",
        "An export of audit events ended or was broken off; the diff has how many there were.",
    )
    TRUSTED_DOCUMENTS_IMPORT = (
        "trusted_documents.import",
        "The operator imported documents that frontends may ask for by identifier.",
    )
    WEBHOOK_CREATE = "webhook.create", "A webhook was set up: audit events go to its address."
    WEBHOOK_UPDATE = "webhook.update", "A webhook's address, events or state changed."
    WEBHOOK_ROTATE = "webhook.rotate", "A webhook got a new secret."
    WEBHOOK_TEST = "webhook.test", "A message without content was sent to a webhook."
    WEBHOOK_DISABLE = "webhook.disable", "A webhook that accepted nothing any more was disabled."
    WEBHOOK_DELETE = "webhook.delete", "A webhook and its deliveries were deleted."
    WEBHOOK_REDELIVER = "webhook.redeliver", "Messages were put in line for a webhook again."
    SIGN_IN_LINK_CREATE = "sign_in_link.create", "A one-time sign-in link was made."
    IDENTITY_LINK = "identity.link", "An account at an identity provider was linked to a member."
    SESSION_SIGN_IN = "session.sign_in", "A person signed in, or was refused."
    SESSION_SIGN_OUT = "session.sign_out", "A person signed out."


CRITICAL = frozenset(
    {
        Action.ORGANIZATION_PLAN,
        Action.OWNER_RECOVER,
        Action.MEMBER_REMOVE,
        Action.ROLE_UPDATE,
        Action.ROLE_RESTORE,
        Action.ROLE_ASSIGN,
        Action.CAMPAIGN_SEND,
        Action.MAILING_LIST_DELETE,
        Action.SENDING_SERVER_CREDENTIALS,
        Action.CONNECTION_CREATE,
        Action.DOMAIN_VERIFY,
        Action.SCIM_TOKEN_CREATE,
        Action.API_KEY_CREATE,
        Action.API_KEY_ROTATE,
        Action.AUDIT_EXPORT,
        Action.TRUSTED_DOCUMENTS_IMPORT,
        Action.SIGN_IN_LINK_CREATE,
        Action.WEBHOOK_CREATE,
        Action.WEBHOOK_UPDATE,
        Action.WEBHOOK_REDELIVER,
    }
)
"""What widens access, lets something out, or cannot be undone."""

ROUTINE = frozenset(
    {
        Action.MEMBER_UPDATE,
        Action.ACCESS_REVIEW_REMIND,
        Action.CAMPAIGN_CREATE,
        Action.CAMPAIGN_UPDATE,
        Action.MAILING_LIST_CREATE,
        Action.SESSION_SIGN_IN,
        Action.SESSION_SIGN_OUT,
        Action.WEBHOOK_TEST,
    }
)
"""What happens all the time and changes nobody's access."""
