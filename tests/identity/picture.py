"""An organization at one moment, for comparing it with what it is after a change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.models import Model

from identity.access.compiled import Access
from identity.access.decision import Grant, Target
from identity.access.kinds import KINDS
from identity.access.load import read_accesses
from models import AuditEvent, Group, Member, MemberStatus, Organization
from tests.models.catalog import OF_THE_LOG, all_models
from tests.world import World


class Held(NamedTuple):
    """What somebody holds somewhere: now, and without an end."""

    now: int
    lasting: int


NOTHING = Held(0, 0)
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""By table."""


@dataclass(frozen=True)
class Picture:
    """`rows` are all but the audit log and the count of revisions, and `events` how many the log
    has. `grants` are of the active members, and `places` the
    organization, its workspaces and their resources.
    """

    organization_id: UUID
    rows: Rows
    events: int
    revision: int
    grants: Mapping[UUID, tuple[Grant, ...]]
    places: tuple[Target, ...]

    def held(self, member_id: UUID | None, place: Target) -> Held:
        """What a member was granted at a place, folded by hand, before every cut."""
        reached = (self.organization_id, place.workspace_id, place.resource_id)
        held = lasting = 0
        for grant in () if member_id is None else self.grants.get(member_id, ()):
            if grant.scope_id in reached:
                held |= grant.mask
                lasting |= grant.mask if grant.expires_at is None else 0
        return Held(held, lasting)

    def granted(self, places: Iterable[Target]) -> Mapping[tuple[UUID, Target], Held]:
        """Everything that is held by anybody at one of these places."""
        found = {
            (member_id, place): self.held(member_id, place)
            for place in places
            for member_id in self.grants
        }
        return {where: held for where, held in found.items() if held != NOTHING}


async def accesses(world: World) -> Mapping[UUID, Access]:
    """What each active member may do, as the engine reads it."""
    own = world.organization.id
    active = await Member.filter(organization_id=own, status=MemberStatus.ACTIVE)
    return await read_accesses(own, [member.id for member in active], world.organization.plan)


async def picture(world: World) -> Picture:
    own = world.organization.id
    workspaces = [world.a.id, world.b.id]
    places = [Target(), *map(Target, workspaces)]
    for kind in KINDS.values():
        resources = await kind.model.filter(workspace_id__in=workspaces).order_by("id")
        places += [Target(row.workspace_id, row.id) for row in resources]
    within = {
        "organization_id": [own],
        "workspace_id": workspaces,
        "group_id": [row.id for row in await Group.filter(organization_id=own)],
        "member_id": [row.id for row in await Member.filter(organization_id=own)],
    }
    [organization] = await Organization.filter(id=own).values()
    revision = organization.pop("access_revision")
    return Picture(
        organization_id=own,
        rows={"organizations": [organization], **await _rows(within)},
        events=await AuditEvent.filter(organization_id=own).count(),
        revision=revision,
        grants={id_: access.grants for id_, access in (await accesses(world)).items()},
        places=tuple(places),
    )


async def _rows(within: Mapping[str, Sequence[UUID]]) -> Rows:
    found = {}
    for model in all_models():
        column = _column_of(model, within)
        if column is not None and model not in OF_THE_LOG:
            query = model.filter(**{f"{column}__in": within[column]})
            found[str(model._meta.db_table)] = await query.order_by("id").values()
    assert {"assignments", "group_members", "campaigns", "sessions", "mails"} <= found.keys()
    return found


def _column_of(model: type[Model], names: Iterable[str]) -> str | None:
    return next((name for name in names if name in model._meta.fields_db_projection), None)
