"""The people and groups of one organization, as scim2-server's core reads and writes them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, cast
from uuid import UUID

from scim2_models import (
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    TooManyException,
)
from scim2_models.path import Path
from scim2_server.storage import AsyncScimStorage, SearchPage

from identity import groups, members
from identity.groups import Membership
from identity.subject import Subject
from identity.writing import lock, one_transaction
from models.group import Group as GroupRow
from models.group import GroupMember, GroupSource
from models.member import Member
from models.sql import is_postgres
from scim import mapping, search
from scim.bounds import MOST_SEARCHED_MEMBERS
from scim.columns import layouts
from scim.mapping import Named
from scim.membership import user_id
from scim.provider import GROUP, GROUP_MODEL, PROVIDER, USER
from scim.refusals import in_scim_words
from scim.resources import Group, User
from scim.search import Searched


class DirectoryStorage(AsyncScimStorage):
    """Everything is inside the subject's organization: what belongs to another is not there.

    One is made for each request. All writes are the use cases'; the lock of the organization is
    held from before the first read of a change, so that no concurrent change is lost.
    """

    def __init__(self, subject: Subject, *, only_reads: bool = False) -> None:
        self.subject = subject
        self._only_reads = only_reads
        self._writing = False
        self._kept_out: set[str] = set()

    def operation(self) -> AbstractAsyncContextManager[None]:
        """One transaction under the organization's lock; nothing for a request that only reads."""
        return nullcontext() if self._only_reads else self._locked()

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        if self._writing:
            yield
            return
        async with one_transaction():
            with in_scim_words():
                await lock(self.subject)
            self._writing = True
            try:
                yield
            finally:
                self._writing = False

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        found = mapping.resource_id(resource_id)
        loaded: Mapping[UUID, Resource[Any]] = {}
        if found is not None:
            with_members = response_parameters is None or _returns_members(response_parameters)
            loaded = await self._load(str(resource_type.name), [found], with_members=with_members)
        if not loaded:
            raise NotFoundException(detail=f"There is no {resource_type.name} {resource_id!r}.")
        return next(iter(loaded.values()))

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        layout = layouts(postgres=is_postgres())
        searched = [
            Searched(layout[str(each.name)], cast("type[Resource[Any]]", PROVIDER.model_for(each)))
            for each in resource_types
        ]
        total, found = await search.page(self.subject.organization_id, searched, search_request)
        loaded: dict[UUID, Resource[Any]] = {}
        for name in dict.fromkeys(each.resource_type for each in found):
            ids = [each.id for each in found if each.resource_type == name]
            loaded |= await self._load(
                name, ids, with_members=name == GROUP and _returns_members(search_request)
            )
        return SearchPage(total, [loaded[each.id] for each in found if each.id in loaded])

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        async with self._locked():
            with in_scim_words():
                if isinstance(resource, User):
                    active = True if resource.active is None else resource.active
                    person = mapping.person(resource.model_copy(update={"active": active}))
                    row: Member | GroupRow = await members.provision(self.subject, person)
                else:
                    group = cast("Group", resource)
                    row = await groups.create(
                        self.subject,
                        mapping.directory_group(group),
                        member_ids=_member_ids(group),
                    )
            return await self.get(resource_type, str(row.id))

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        async with self._locked():
            if isinstance(resource, Group):
                everybody = Membership(join=_member_ids(resource), only=True)
                await self.update_group(resource, everybody, expected_version=expected_version)
            else:
                found = await self._expected(resource_type, resource.id, expected_version)
                with in_scim_words():
                    await members.update(
                        self.subject, found, mapping.person(cast("User[Any]", resource))
                    )
            return await self.get(resource_type, str(resource.id))

    async def update_group(
        self, group: Group, membership: Membership, *, expected_version: str | None = None
    ) -> None:
        """Change a group's attributes, and its members by what changes about them."""
        async with self._locked():
            found = await self._expected(_GROUP_TYPE, group.id, expected_version)
            with in_scim_words():
                await groups.update(self.subject, found, mapping.directory_group(group), membership)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        async with self._locked():
            found = await self._expected(resource_type, resource_id, expected_version)
            with in_scim_words():
                if resource_type.name == USER:
                    await members.remove(self.subject, found)
                else:
                    await groups.delete(self.subject, found)

    def as_it_is(self, resource: Resource[Any]) -> Resource[Any]:
        """A resource that was loaded to change it, as a read has it: in a change, `active` is what
        the directory said, and for the answer what holds.
        """
        if isinstance(resource, User) and resource.active and resource.id in self._kept_out:
            resource.active = False
        return resource

    async def group_without_members(self, group_id: str) -> Group:
        """A group's own attributes. Raises `NotFoundException`."""
        return cast("Group", await self.get(_GROUP_TYPE, group_id, response_parameters=_NO_MEMBERS))

    async def require_few_members(self, group_id: str) -> None:
        """Raise `TooManyException` for a group in whose members nothing but ids is looked for, and
        `NotFoundException`.
        """
        group = await self.group_without_members(group_id)
        places = GroupMember.filter(group_id=UUID(group.id)).limit(MOST_SEARCHED_MEMBERS + 1)
        if len(await places.values_list("id")) > MOST_SEARCHED_MEMBERS:
            raise TooManyException(
                detail=f"This group has over {MOST_SEARCHED_MEMBERS} members. Name those you mean"
                ' by their ids: members[value eq "..."].'
            )

    async def _expected(
        self, resource_type: ResourceType, resource_id: str | None, version: str | None
    ) -> UUID:
        """The id of a resource that is there, and at the version if one is expected."""
        current = await self.get(
            resource_type,
            resource_id or "",
            response_parameters=_NO_MEMBERS if resource_type.name == GROUP else None,
        )
        if version is not None and (current.meta is None or current.meta.version != version):
            raise PreconditionFailedException(
                detail="The resource was changed meanwhile. Read it again and repeat the change."
            )
        return UUID(current.id)

    async def _load(
        self, name: str, ids: Collection[UUID], *, with_members: bool
    ) -> dict[UUID, Resource[Any]]:
        """The resources of these ids that are in the organization, in two statements."""
        organization_id = self.subject.organization_id
        if name == USER:
            people = await Member.filter(id__in=ids, organization_id=organization_id)
            self._kept_out |= {str(row.id) for row in people if row.suspended_by_admin}
            in_groups = await _groups_of([row.id for row in people])
            return {
                row.id: mapping.user(row, in_groups[row.id], to_change=self._writing)
                for row in people
            }
        rows = await GroupRow.filter(
            id__in=ids, organization_id=organization_id, source=GroupSource.DIRECTORY
        )
        in_group = await _members_of([row.id for row in rows] if with_members else [])
        return {row.id: mapping.group(row, in_group[row.id]) for row in rows}


async def _groups_of(member_ids: Collection[UUID]) -> Mapping[UUID, list[Named]]:
    found: defaultdict[UUID, list[Named]] = defaultdict(list)
    if member_ids:
        places = GroupMember.filter(member_id__in=member_ids, group__source=GroupSource.DIRECTORY)
        for member_id, group_id, name in await places.order_by("group_id").values_list(
            "member_id", "group_id", "group__name"
        ):
            found[member_id].append(Named(group_id, name))
    return found


async def _members_of(group_ids: Collection[UUID]) -> Mapping[UUID, list[Named]]:
    found: defaultdict[UUID, list[Named]] = defaultdict(list)
    if group_ids:
        places = GroupMember.filter(group_id__in=group_ids)
        for group_id, member_id, name in await places.order_by("member_id").values_list(
            "group_id", "member_id", "member__name"
        ):
            found[group_id].append(Named(member_id, name))
    return found


def _member_ids(group: Group) -> frozenset[UUID]:
    """The users named in a group. Raises `InvalidValueException`."""
    return frozenset(user_id(member.value) for member in group.members or ())


def _returns_members(parameters: ResponseParameters[Any]) -> bool:
    """Whether a response with these parameters has the members of a group."""
    paths = Path[Group].iter_paths(
        include_subattributes=False,
        attributes=parameters.attributes or [],
        excluded_attributes=parameters.excluded_attributes or [],
    )
    return any(str(path) == "members" for path in paths)


_GROUP_TYPE = next(each for each in PROVIDER.resource_types if each.name == GROUP)
_NO_MEMBERS = ResponseParameters[GROUP_MODEL].model_validate({"excludedAttributes": "members"})
