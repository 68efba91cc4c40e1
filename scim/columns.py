"""Where each SCIM attribute stands in the database, on either dialect.

Alias `u` is a row of `members`, `g` one of `groups`, `e` an entry of a multi-valued attribute. All
SQL here is made of constants, and of attribute names that our own models declare.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, partial

from scim2_models.path import AttributeBinding

from models.group import GroupSource
from models.member import MemberStatus
from scim.keys import Names, names_of
from scim.provider import GROUP, USER


class Kind(Enum):
    """What an expression is, and so how a value is compared with it."""

    TEXT = auto()
    ID = auto()
    TIME = auto()
    CONDITION = auto()
    JSON_BOOLEAN = auto()


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as an SQL expression."""

    sql: str
    kind: Kind = Kind.TEXT
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Entries:
    """The values of a multi-valued attribute: what to select from, and which rows of it.

    `scalar` finds a sub-attribute of an entry, `present` is the condition that an entry is not
    empty. `ordered` is the column that keeps the order they were sent in, if it was kept.
    """

    source: str
    condition: str
    scalar: Callable[[AttributeBinding], Scalar | None]
    present: str = "TRUE"
    ordered: str | None = None

    def any(self, condition: str) -> str:
        """The condition that one of them meets another."""
        return f"EXISTS (SELECT 1 FROM {self.source} WHERE {self.condition} AND ({condition}))"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Layout:
    """The resources of one type: their table, which of its rows they are, and their attributes."""

    resource_type: str
    source: str
    alias: str
    condition: str
    columns: Mapping[Names, Scalar]
    relations: Mapping[str, Entries]
    postgres: bool

    def scalar(self, binding: AttributeBinding) -> Scalar | None:
        """Where a single value stands; none when it cannot be compared."""
        names = names_of(binding)
        if names in self.columns:
            return self.columns[names]
        if not self._in_json(names) or binding.is_multivalued:
            return None
        return _scalar(_DOCUMENT[self.postgres], names, binding, postgres=self.postgres)

    def entries(self, binding: AttributeBinding) -> Entries | None:
        """Where a multi-valued attribute stands; none when it is single-valued or not stored."""
        name = names_of(binding)[0]
        if name in self.relations:
            return self.relations[name]
        if not self._in_json((name,)) or not binding.is_multivalued:
            return None
        return _json_entries(name, postgres=self.postgres)

    def complex_present(self, binding: AttributeBinding) -> str | None:
        """The condition that a complex attribute has a sub-attribute that is not empty; none when
        it is not known.
        """
        names = names_of(binding)
        if names == ("meta",):
            return "TRUE"
        if not self._in_json(names):
            return None
        path = _path(names, postgres=self.postgres)
        document = _DOCUMENT[self.postgres]
        return _any_value(
            f"{document} #> {path}" if self.postgres else f"{document}, {path}",
            postgres=self.postgres,
        )

    def _in_json(self, names: Names) -> bool:
        return self.resource_type == USER and names[0] not in NOT_STORED


NOT_STORED = frozenset({"meta", "password", "schemas"})
"""Attributes without a place of their own in `members.scim_keys`."""

_DOCUMENT = {
    True: (
        "COALESCE(u.scim_keys, jsonb_build_object('active', true, 'emails', jsonb_build_array("
        "jsonb_build_object('value', u.email_key, 'primary', true))))"
    ),
    False: (
        "COALESCE(u.scim_keys, json_object('active', json('true'), 'emails', json_array("
        "json_object('value', u.email_key, 'primary', json('true')))))"
    ),
}
"""The comparison keys of a user; one that no directory manages has the address we know."""


def _path(names: Names, *, postgres: bool) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"'{{{','.join(quoted)}}}'" if postgres else f"'$.{'.'.join(quoted)}'"


def _scalar(
    document: str, names: Names, binding: AttributeBinding, *, postgres: bool
) -> Scalar | None:
    if binding.target_type is bytes:
        return None
    path = _path(names, postgres=postgres)
    sql = f"({document} #>> {path})" if postgres else f"json_extract({document}, {path})"
    return Scalar(sql, Kind.JSON_BOOLEAN if binding.target_type is bool else Kind.TEXT)


def _json_entries(name: str, *, postgres: bool) -> Entries:
    document, path = _DOCUMENT[postgres], _path((name,), postgres=postgres)
    source = (
        f"jsonb_array_elements({document} #> {path}) WITH ORDINALITY AS e(value, key)"
        if postgres
        else f"json_each({document}, {path}) AS e"
    )
    return Entries(
        source,
        "TRUE",
        partial(_json_sub_attribute, postgres=postgres),
        present=_any_value("e.value", postgres=postgres),
        ordered="e.key",
    )


def _json_sub_attribute(binding: AttributeBinding, *, postgres: bool) -> Scalar | None:
    return _scalar("e.value", names_of(binding)[-1:], binding, postgres=postgres)


def _any_value(document: str, *, postgres: bool) -> str:
    each = "jsonb_each_text" if postgres else "json_each"
    return f"EXISTS (SELECT 1 FROM {each}({document}) AS s WHERE s.value <> '')"  # noqa: S608


def _related(source: str, condition: str, scalars: Mapping[str, Scalar]) -> Entries:
    return Entries(source, condition, lambda binding: scalars.get(names_of(binding)[-1]))


def _common(alias: str, resource_type: str) -> dict[Names, Scalar]:
    return {
        ("id",): Scalar(f"{alias}.id", Kind.ID, nullable=False),
        ("externalId",): Scalar(f"{alias}.external_id"),
        ("meta", "resourceType"): Scalar(f"'{resource_type}'", nullable=False),
        ("meta", "created"): Scalar(f"{alias}.created_at", Kind.TIME, nullable=False),
        ("meta", "lastModified"): Scalar(f"{alias}.updated_at", Kind.TIME, nullable=False),
    }


def _active(*, postgres: bool) -> str:
    """Null for whom the directory has unassigned it, as the resource has it."""
    path, document = _path(("active",), postgres=postgres), _DOCUMENT[postgres]
    sent = f"{document} #> {path}" if postgres else f"json_extract({document}, {path})"
    holds = f"u.status <> '{MemberStatus.SUSPENDED.value}'"
    return f"(CASE WHEN {sent} IS NOT NULL THEN {holds} END)"


@cache
def layouts(*, postgres: bool) -> Mapping[str, Layout]:
    """How users and groups are stored, by the name of the resource type."""
    from_directory = f"source = '{GroupSource.DIRECTORY.value}'"
    users = Layout(
        resource_type=USER,
        source="members u",
        alias="u",
        condition="u.organization_id = $1",
        columns={
            **_common("u", USER),
            ("userName",): Scalar("u.user_name_key", nullable=False),
            ("active",): Scalar(_active(postgres=postgres), Kind.CONDITION),
        },
        relations={
            "groups": _related(
                "group_members e JOIN groups eg ON eg.id = e.group_id",
                f"e.member_id = u.id AND eg.{from_directory}",
                {
                    "value": Scalar("e.group_id", Kind.ID, nullable=False),
                    "display": Scalar("eg.name_key", nullable=False),
                    "type": Scalar("'direct'", nullable=False),
                },
            )
        },
        postgres=postgres,
    )
    groups = Layout(
        resource_type=GROUP,
        source="groups g",
        alias="g",
        condition=f"g.organization_id = $1 AND g.{from_directory}",
        columns={
            **_common("g", GROUP),
            ("displayName",): Scalar("g.name_key", nullable=False),
        },
        relations={
            "members": _related(
                "group_members e",
                "e.group_id = g.id",
                {
                    "value": Scalar("e.member_id", Kind.ID, nullable=False),
                    "type": Scalar("'user'", nullable=False),
                },
            )
        },
        postgres=postgres,
    )
    return {USER: users, GROUP: groups}
