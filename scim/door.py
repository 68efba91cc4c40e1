"""One SCIM request in, one SCIM response out; every refusal in SCIM's words."""

from typing import Any

from scim2_models import Error, PatchOp, Resource, ResourceType, SCIMException
from scim2_models import UnauthorizedException as Unauthorized
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from scim2_server.routing import Operation, Target

from identity.access.entitlements import Feature, plans
from identity.audit.actions import Action
from identity.audit.record import Denial, record_denial
from identity.refusals import PlanRequired, Refusal
from identity.subject import Subject
from scim import membership
from scim.bounds import check_search
from scim.provider import GROUP
from scim.refusals import scim_exception
from scim.service import SERVICE
from scim.storage import DirectoryStorage

__all__ = ["SCIM_MEDIA_TYPE", "answer", "refused", "scim_error_body"]

DISCOVERY = frozenset(
    {
        Operation.service_provider_config,
        Operation.resource_types,
        Operation.resource_type,
        Operation.schemas,
        Operation.schema,
    }
)
"""The same for every organization: anybody may read it (RFC 7644 section 4)."""

READS = DISCOVERY | {Operation.query, Operation.search, Operation.search_with_body}

_ACTIONS = {
    ("users", Operation.create): Action.MEMBER_PROVISION,
    ("users", Operation.replace): Action.MEMBER_UPDATE,
    ("users", Operation.patch): Action.MEMBER_UPDATE,
    ("users", Operation.delete): Action.MEMBER_REMOVE,
    ("groups", Operation.create): Action.GROUP_CREATE,
    ("groups", Operation.replace): Action.GROUP_UPDATE,
    ("groups", Operation.patch): Action.GROUP_UPDATE,
    ("groups", Operation.delete): Action.GROUP_DELETE,
}
"""What the audit log calls a change that is refused at the door."""


async def answer(request: ScimRequest, subject: Subject | None) -> ScimResponse:
    """Serve a request of a directory; without a subject, discovery only.

    What the directory did wrong comes back as a SCIM error. What we did wrong is raised.
    """
    try:
        target = SERVICE.match(request)
        if subject is None:
            return await _discovery(request, target)
        subject = subject.during(f"{request.method} /{target.endpoint or ''}")
        await _require_plan(subject, target)
        storage = DirectoryStorage(subject, only_reads=target.operation in READS)
        whole = "attributes" in request.query or "excludedAttributes" in request.query
        return await Door(storage, returns_patched=whole).handle(request)
    except SCIMException as error:
        return SERVICE.error_response(error)
    except Refusal as refusal:
        return refused(refusal)


def refused(refusal: Refusal) -> ScimResponse:
    """The response for a refusal; with 401, it has the `WWW-Authenticate` header."""
    return SERVICE.error_response(scim_exception(refusal))


def scim_error_body(status: int, detail: str) -> dict[str, Any]:
    """The body of an error that no SCIM operation answered (RFC 7644 section 3.12)."""
    return Error(status=status, detail=detail).model_dump()


async def _discovery(request: ScimRequest, target: Target) -> ScimResponse:
    if target.operation not in DISCOVERY:
        raise Unauthorized(detail="Send the organization's SCIM token as a bearer token.")
    return await AsyncScimHandler(SERVICE, AsyncInMemoryStorage()).handle(request)


async def _require_plan(subject: Subject, target: Target) -> None:
    """Raise `PlanRequired` on a plan without SCIM; the audit log keeps refused changes."""
    try:
        plans.require(subject.plan, Feature.SCIM)
    except PlanRequired as refusal:
        action = _ACTIONS.get(((target.endpoint or "").casefold(), target.operation))
        if action is not None:
            await record_denial(Denial(action, refusal, subject))
        raise


class Door(AsyncScimHandler):
    """The core's operations, but for groups: no member is loaded to change or delete one."""

    storage: DirectoryStorage

    def __init__(self, storage: DirectoryStorage, *, returns_patched: bool) -> None:
        super().__init__(SERVICE, storage)
        self.returns_patched = returns_patched

    async def replace_resource(
        self,
        resource_type: ResourceType,
        current: Resource[Any],
        replacement: Resource[Any],
        conditions: Conditions,
    ) -> Resource[Any]:
        return self.storage.as_it_is(
            await super().replace_resource(resource_type, current, replacement, conditions)
        )

    async def patch_resource(
        self,
        resource_type: ResourceType,
        resource_id: str,
        patch_op: "PatchOp[Any]",
        conditions: Conditions,
    ) -> Resource[Any]:
        if resource_type.name != GROUP:
            return self.storage.as_it_is(
                await super().patch_resource(resource_type, resource_id, patch_op, conditions)
            )
        parts = membership.split(patch_op)
        if parts is None:
            check_search([operation.value for operation in patch_op.operations or ()])
            await self.storage.require_few_members(resource_id)
            return await super().patch_resource(resource_type, resource_id, patch_op, conditions)
        changes, rest = parts
        group = await self.storage.group_without_members(resource_id)
        version = group.meta.version if group.meta else None
        if rest is None:
            self.service.check_preconditions(group, "PATCH", conditions)
        else:
            self.service.apply_patch(group, rest, conditions)
        await self.storage.update_group(group, changes, expected_version=version)
        if self.returns_patched:
            return await self.storage.get(resource_type, resource_id)
        return await self.storage.group_without_members(resource_id)

    async def delete_resource(
        self, resource_type: ResourceType, resource_id: str, conditions: Conditions
    ) -> None:
        if resource_type.name != GROUP:
            await super().delete_resource(resource_type, resource_id, conditions)
            return
        group = await self.storage.group_without_members(resource_id)
        self.service.check_deletion(group, conditions)
        await self.storage.delete(resource_type, resource_id)
