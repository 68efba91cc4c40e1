"""Making, changing, rotating and ending API keys."""

from datetime import datetime, timedelta

import strawberry

from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.api_keys.checking import DEFAULT_DAYS
from identity.api_keys.issuing import DEFAULT_OVERLAP, LONGEST_OVERLAP
from identity.api_keys.wanted import Expiry, KeyChange, Limit, Limits, NewKey
from identity.assignments import Scope
from identity.audit.actions import Action
from identity.refusals import BadInput
from models.api_key import ApiKey as ApiKeyRow
from models.api_key import ApiKeyKind
from models.document_mode import DocumentMode
from schema.api_keys.types import ApiKey
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, public
from schema.fields import embedded
from schema.ids import optional_row_id, parse_id, require_few, row_id, row_ids
from schema.members.mutations import SCOPES_BY_NODE

HOUR = timedelta(hours=1)


@strawberry.input(description="An API key to make.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[Permission] = strawberry.field(
        description="What it may carry, with what that implies: nothing that you lack."
    )
    kind: ApiKeyKind = strawberry.field(
        default=ApiKeyKind.PERSONAL, description="Your own, or the organization's."
    )
    administrative: bool = strawberry.field(
        default=False,
        description="As an owner, say that it may carry scopes of the groups members, roles, "
        "api_keys, identity and organization.",
    )
    workspace_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only in these workspaces."
    )
    resource_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only at these resources."
    )
    networks: list[str] | None = strawberry.field(
        default=None, description="Only from these networks, in CIDR form."
    )
    document_mode: DocumentMode | None = strawberry.field(
        default=None, description="Which documents it may ask with, where the operator allows more."
    )
    rate_limit: int | None = strawberry.field(
        default=None, description="What its operations may cost in a minute, at most."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description=f"When it ends; in {DEFAULT_DAYS} days, if left out."
    )
    never_expires: bool = strawberry.field(
        default=False, description="As an owner, have it end only when somebody ends it."
    )
    sponsor_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member who answers for a service key; you, if left out."
    )
    role_id: strawberry.ID | None = strawberry.field(
        default=None, description="A role that a service key is given with it."
    )
    scope_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where that role is given."
    )

    def wanted(self) -> NewKey:
        """What it asks for. Raises `BadInput`."""
        workspaces, resources = self.workspace_ids, self.resource_ids
        if self.kind is ApiKeyKind.PERSONAL and self.sponsor_id is not None:
            raise BadInput("Only a service key has a sponsor.", field="sponsorId")
        limits = Limits(
            workspaces=None
            if workspaces is None
            else row_ids(workspaces, "Workspace", field="input.workspaceIds"),
            resources=None if resources is None else _resources(resources),
            networks=self.networks,
            document_mode=self.document_mode,
            rate_limit=self.rate_limit,
        )
        return NewKey(
            kind=self.kind,
            name=self.name,
            scopes=self.scopes,
            administrative=self.administrative,
            limits=limits,
            expiry=Expiry(self.expires_at, self.never_expires),
            member_id=optional_row_id(self.sponsor_id, "Member", field="input.sponsorId"),
            role_id=optional_row_id(self.role_id, "Role", field="input.roleId"),
            role_at=None if self.scope_id is None else _scope(self.scope_id, "input.scopeId"),
        )


@strawberry.input(description="A change of an API key. What is not given stays.")
class UpdateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="The API key.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is for.")
    scopes: list[Permission] | None = strawberry.field(
        default=None, description="All that it may carry from now on."
    )
    administrative: bool = strawberry.field(
        default=False, description="As an owner, say that scopes which administrate may be added."
    )
    networks: list[str] | None = strawberry.field(
        default=None, description="The networks that it may be used from; with none, from all."
    )
    document_mode: DocumentMode | None = strawberry.field(
        default=strawberry.UNSET, description="As of the operator, with null."
    )
    rate_limit: int | None = strawberry.field(
        default=strawberry.UNSET, description="As usual, with null."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends.")
    never_expires: bool = strawberry.field(
        default=False, description="As an owner, have it end only when somebody ends it."
    )
    sponsor_id: strawberry.ID | None = strawberry.field(
        default=None, description="As an owner, name the new sponsor of a service key."
    )

    def change(self) -> KeyChange:
        """What it asks for. Raises `BadInput`."""
        given = {Limit.DOCUMENT_MODE: self.document_mode, Limit.RATE_LIMIT: self.rate_limit}
        mode, rate = self.document_mode, self.rate_limit
        expires = self.expires_at is not None or self.never_expires
        return KeyChange(
            name=self.name,
            scopes=self.scopes,
            administrative=self.administrative,
            networks=self.networks,
            document_mode=None if mode is strawberry.UNSET else mode,
            rate_limit=None if rate is strawberry.UNSET else rate,
            lifted=frozenset(limit for limit, value in given.items() if value is None),
            expiry=Expiry(self.expires_at, self.never_expires) if expires else None,
            sponsor_id=optional_row_id(self.sponsor_id, "Member", field="input.sponsorId"),
        )


@strawberry.input(description="An API key to give a new secret.")
class RotateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="The API key.")
    overlap_hours: int = strawberry.field(
        default=DEFAULT_OVERLAP // HOUR,
        description="How long the secret of before is good, too: 0 ends it now, "
        f"{LONGEST_OVERLAP // HOUR} is the most.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When the key ends from now on; when it did, if left out."
    )


@strawberry.input(description="An API key to end.")
class RevokeApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="The API key.")
    reason: str | None = strawberry.field(default=None, description="Why, in your words.")


@strawberry.input(description="A key of your own to end.")
class RevokeOwnApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="The API key.")
    reason: str | None = strawberry.field(default=None, description="Why, in your words.")


@strawberry.type(description="The API key as it is now.")
class ApiKeyPayload:
    row: strawberry.Private[ApiKeyRow]

    api_key: ApiKey = embedded("The API key.", requires=PUBLIC)


@strawberry.type(description="The API key, and its secret.")
class ApiKeySecretPayload:
    row: strawberry.Private[ApiKeyRow]
    clear: strawberry.Private[str]

    api_key: ApiKey = embedded("The API key.", requires=PUBLIC)

    @public("The whole key, to be sent as bearer token. It is shown this once.")
    def token(self) -> str:
        return self.clear


@strawberry.type
class ApiKeyMutation:
    @auth(
        "Make an API key. One that is limited to a single workspace takes the permission there, "
        "any other one at the organization.",
        requires=[Permission.API_KEYS_CREATE],
        at=At.ANYWHERE,
        audits=Action.API_KEY_CREATE,
    )
    async def create_api_key(
        self, info: ContextInfo, input: CreateApiKeyInput
    ) -> ApiKeySecretPayload | None:
        row, clear = await issuing.create(info.context.subject, input.wanted())
        return ApiKeySecretPayload(row=row, clear=clear)

    @auth(
        "Change an API key: your own, or one of the organization.",
        requires=[Permission.API_KEYS_CREATE],
        at="input.apiKeyId",
        audits=Action.API_KEY_UPDATE,
    )
    async def update_api_key(
        self, info: ContextInfo, input: UpdateApiKeyInput
    ) -> ApiKeyPayload | None:
        row = await issuing.update(
            info.context.subject,
            row_id(input.api_key_id, "ApiKey", field="input.apiKeyId"),
            input.change(),
            expected_version=input.expected_version,
        )
        return ApiKeyPayload(row=row)

    @auth(
        "Give an API key a new secret: your own, for which it takes `api_keys:create`, or one of "
        "the organization that carries no more than you hold.",
        requires=[Permission.API_KEYS_ROTATE, Permission.API_KEYS_CREATE],
        at="input.apiKeyId",
        audits=Action.API_KEY_ROTATE,
    )
    async def rotate_api_key(
        self, info: ContextInfo, input: RotateApiKeyInput
    ) -> ApiKeySecretPayload | None:
        row, clear = await issuing.rotate(
            info.context.subject,
            row_id(input.api_key_id, "ApiKey", field="input.apiKeyId"),
            overlap=timedelta(hours=input.overlap_hours),
            expiry=None if input.expires_at is None else Expiry(input.expires_at),
        )
        return ApiKeySecretPayload(row=row, clear=clear)

    @auth(
        "End an API key at once, with the roles that it was given.",
        requires=[Permission.API_KEYS_REVOKE],
        at="input.apiKeyId",
        audits=Action.API_KEY_REVOKE,
    )
    async def revoke_api_key(
        self, info: ContextInfo, input: RevokeApiKeyInput
    ) -> ApiKeyPayload | None:
        key_id = row_id(input.api_key_id, "ApiKey", field="input.apiKeyId")
        return ApiKeyPayload(
            row=await issuing.revoke(info.context.subject, key_id, reason=input.reason)
        )

    @public("End a personal key of your own at once.", audits=Action.API_KEY_REVOKE)
    async def revoke_own_api_key(
        self, info: ContextInfo, input: RevokeOwnApiKeyInput
    ) -> ApiKeyPayload | None:
        key_id = row_id(input.api_key_id, "ApiKey", field="input.apiKeyId")
        return ApiKeyPayload(
            row=await issuing.revoke_own(info.context.subject, key_id, reason=input.reason)
        )


def _resources(ids: list[strawberry.ID]) -> list[Scope]:
    require_few(ids, field="input.resourceIds")
    return [_scope(each, f"input.resourceIds.{n}") for n, each in enumerate(ids)]


def _scope(value: str, field: str) -> Scope:
    type_name, scope_id = parse_id(value, field=field, types=SCOPES_BY_NODE)
    return Scope(SCOPES_BY_NODE[type_name], scope_id)
