"""Mutations on what is there: allowed, refused, and with input that cannot be."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from graphql import get_named_type

from identity.access.permissions import Permission
from models.clock import now
from schema.execution import Request
from schema.schema import graphql_schema
from tests.schema.engine.choices import Choices
from tests.schema.engine.documents import Document, Name, Pool

MOST_FIELDS = 14
DEEPEST = 4
TEXTS = ["Spring", "Frühling €", "  padded  ", 'quo"te\\', "Autumn"]
WRONG_TEXTS = ["", "x" * 201, "Line\nbreak"]


def mutation(choices: Choices, pool: Pool) -> Request:
    """A mutation with mostly one root field: each payload as deep as a query."""
    document = Document(choices, pool, left=MOST_FIELDS)
    many = choices.of([1, 1, 1, 1, 2, 3])
    roots = [_root(document, number) for number in range(many)]
    if choices.once_in(15):
        roots.append(f"... {document.selections(_type('Mutation'), 0)}")
    return document.request("mutation", "{ " + " ".join(roots) + " }")


def _type(name: str) -> Any:
    return graphql_schema.type_map[name]


def _root(document: Document, number: int) -> str:
    root = graphql_schema.mutation_type
    assert root is not None
    name = document.choices.of(list(root.fields))
    definition = root.fields[name]
    declared = str(definition.args["input"].type)
    value = document.value(declared, name, given_to(name, document))
    payload = document.selections(get_named_type(definition.type), DEEPEST)
    return f"r{number}: {name}(input: {value}){document.directives()} {payload}"


def given_to(name: str, document: Document) -> Mapping[str, Any]:
    """The input of a mutation. What may be left out is, now and then."""
    required, optional = _fields(name, document)
    more = {key: value for key, value in optional.items() if not document.choices.once_in(3)}
    return {**required, **more}


def _fields(name: str, document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    choices, id_of = document.choices, document.id_of
    label = choices.of(WRONG_TEXTS if choices.once_in(12) else TEXTS)
    match name:
        case "archiveWorkspace" | "restoreWorkspace":
            return {"workspaceId": id_of("Workspace")}, _dry_run(choices)
        case "changePlan":
            return {"plan": Name(choices.of(["STARTER", "PREMIUM", "ENTERPRISE"]))}, _dry_run(
                choices
            )
        case "setLegalHold":
            return {"held": not choices.once_in(3), "reason": label}, {}
        case "createWorkspace":
            return {"slug": choices.of(["new", "newer", "second", "No!"]), "name": label}, {}
        case "createRole":
            permissions = _permissions(choices)
            required = {"name": choices.of(["Fresh", "Role 1", "Owner", label])}
            optional = {"description": label, "permissions": permissions, "copyOf": id_of("Role")}
            return required, optional
        case "updateRole":
            added = {"name": label, "description": "D", "add": _permissions(choices)}
            return _versioned("roleId", id_of("Role"), choices), {**added, **_dry_run(choices)}
        case "restoreRole":
            versioned = _versioned("roleId", id_of("Role"), choices)
            return {**versioned, "version": choices.of([1, 1, 2, 3])}, _dry_run(choices)
        case "deleteRole":
            optional = {"replacementId": id_of("Role"), **_dry_run(choices)}
            return {"roleId": id_of("Role")}, optional
        case "assignRole":
            kind = choices.of(["Workspace", "Organization", "Campaign", "MailingList"])
            holder = id_of(choices.of(["Member", "Group", "Member", "Group", "Role"]))
            required = {"roleId": id_of("Role"), "principalId": holder, "scopeId": id_of(kind)}
            optional = {"expiresAt": _moment(choices), "reason": label, **_dry_run(choices)}
            return required, optional
        case "updateAssignment":
            optional = {"expiresAt": _moment(choices), "reason": label, **_dry_run(choices)}
            return {"assignmentId": id_of("Assignment")}, optional
        case "unassignRole":
            return {"assignmentId": id_of("Assignment")}, _dry_run(choices)
        case "createApiKey":
            scopes = choices.of([[Name("CAMPAIGNS_READ")], _permissions(choices)])
            optional = {
                "kind": Name(choices.of(["PERSONAL", "SERVICE"])),
                "workspaceIds": [id_of("Workspace")],
                "networks": choices.of([["192.0.2.0/24"], ["home"]]),
                "expiresAt": _moment(choices),
            }
            return {"name": label, "scopes": scopes}, optional
        case "updateApiKey":
            rate_limit: Any = choices.of([5, 0, None])
            optional = {"name": label, "scopes": _permissions(choices), "rateLimit": rate_limit}
            return _versioned("apiKeyId", id_of("ApiKey"), choices), optional
        case "rotateApiKey":
            return {"apiKeyId": id_of("ApiKey")}, {"overlapHours": choices.of([0, 1, 24, 500])}
        case "revokeApiKey" | "revokeOwnApiKey":
            return {"apiKeyId": id_of("ApiKey")}, {"reason": label}
        case "updateMember":
            return {**_versioned("memberId", id_of("Member"), choices), "name": label}, {}
        case "suspendMember" | "removeMember":
            return {"memberId": id_of("Member")}, {"reason": label, **_dry_run(choices)}
        case "reactivateMember":
            return {"memberId": id_of("Member")}, _dry_run(choices)
        case "leaveOrganization":
            return {"organizationId": id_of("Organization")}, {}
        case "inviteMember":
            email = choices.of(["new@acme.example", "ada@acme.example", "nobody"])
            scope = id_of(choices.of(["Workspace", "Organization", "Campaign"]))
            required = {"email": email, "roleId": id_of("Role"), "scopeId": scope}
            return required, {"accessExpiresAt": _moment(choices)}
        case "resendInvitation" | "revokeInvitation":
            return {"invitationId": id_of("Invitation")}, {}
        case "openAccessReview":
            unanswered = Name(choices.of(["KEEP", "REVOKE"]))
            required = {"title": label, "dueAt": _moment(choices), "unanswered": unanswered}
            optional = {"workspaceId": id_of("Workspace"), "reviewerIds": _members(document)}
            return required, optional
        case "decideAccessReviewItems":
            decision = {"itemId": id_of("AccessReviewItem"), "answer": Name("CONFIRM")}
            return {"accessReviewId": id_of("AccessReview"), "decisions": [decision]}, {}
        case "closeAccessReview" | "cancelAccessReview":
            return {"accessReviewId": id_of("AccessReview")}, {}
        case "createGroup":
            name = choices.of(["Fresh", "Zeta", label])
            return {"name": name}, {"memberIds": _members(document)}
        case "updateGroup":
            changed = {"addMemberIds": _members(document), "removeMemberIds": _members(document)}
            given = _versioned("groupId", id_of("Group"), choices)
            return given, {"name": choices.of(["Zeta", label]), **changed, **_dry_run(choices)}
        case "deleteGroup":
            return {"groupId": id_of("Group")}, _dry_run(choices)
        case "createCampaign":
            return {"workspaceId": id_of("Workspace"), "name": label}, _content(document)
        case "updateCampaign":
            content = {"name": label, **_content(document)}
            return _versioned("campaignId", id_of("Campaign"), choices), content
        case "sendCampaign":
            given = _versioned("campaignId", id_of("Campaign"), choices)
            return given, {"at": _moment(choices)}
        case "deleteCampaign":
            return {"campaignId": id_of("Campaign")}, {}
        case "createMailingList":
            return {"workspaceId": id_of("Workspace"), "name": label}, {}
        case "deleteMailingList":
            return {"mailingListId": id_of("MailingList")}, {}
        case "deleteSendingServer":
            return {"sendingServerId": id_of("SendingServer")}, {}
        case "createSendingServer":
            given = {"workspaceId": id_of("Workspace"), "name": label, "host": "a.example"}
            return given, {"port": choices.of([25, 2525, 0, 70000])}
        case "updateSendingServer":
            given = _versioned("sendingServerId", id_of("SendingServer"), choices)
            return given, {"name": label, "host": choices.of(["b.example", ""]), "port": 26}
        case "setSendingServerCredentials":
            given = _versioned("sendingServerId", id_of("SendingServer"), choices)
            return {
                **given,
                "username": label,
                "password": choices.of(["hunter3-hunter3", "correct horse", ""]),
            }, {}
        case "createWebhook":
            chosen = {"actions": choices.of([["*"], ["role.*"], ["no.such"]])}
            url = choices.of(["https://hooks.example/in", "http://hooks.example/"])
            return {"name": label, "url": url}, {"filter": chosen}
        case "updateWebhook":
            given = _versioned("webhookId", id_of("Webhook"), choices)
            return given, {"name": label, "enabled": choices.below(2) == 0}
        case "rotateWebhookSecret":
            given = _versioned("webhookId", id_of("Webhook"), choices)
            return given, {"overlapHours": choices.of([0, 24, -1, 1000])}
        case "testWebhook" | "deleteWebhook":
            return {"webhookId": id_of("Webhook")}, {}
        case "redeliverWebhookDelivery":
            return {"webhookDeliveryId": id_of("WebhookDelivery")}, {}
        case "redeliverWebhookDeadLetters":
            return {"webhookId": id_of("Webhook")}, {"sinceAt": _moment(choices)}
    raise AssertionError(f"{name} is new: say here what it is given")


def _versioned(key: str, node_id: str, choices: Choices) -> dict[str, Any]:
    return {key: node_id, "expectedVersion": choices.of([1, 1, 1, 2, 3, 4])}


def _content(document: Document) -> dict[str, Any]:
    choices = document.choices
    return {
        "subject": choices.of(TEXTS),
        "body": choices.of([*TEXTS, None]),
        "mailingListId": choices.of([document.id_of("MailingList"), None]),
        "sendingServerId": choices.of([document.id_of("SendingServer"), None]),
    }


def _members(document: Document) -> list[str]:
    return [document.id_of("Member") for _ in range(document.choices.below(3))]


def _dry_run(choices: Choices) -> dict[str, Any]:
    return {"dryRun": choices.once_in(8)}


def _permissions(choices: Choices) -> list[Name]:
    return [Name(p.name) for p in choices.subset(list(Permission), most=3)]


def _moment(choices: Choices) -> Any:
    """To come, in several ways of writing it, or past, or none at all."""
    later = now() + timedelta(days=3, microseconds=1500)
    ways = [later.isoformat(), "2031-05-01T10:00:00+02:00", "2031-05-01T10:00:00Z"]
    return choices.of([*ways, *ways, None, "2001-01-01T00:00:00Z", "soon"])
