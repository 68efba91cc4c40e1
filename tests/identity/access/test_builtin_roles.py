"""The built-in roles, cell by cell, against the two tables of the product's design.

Both tables stand here as they were decided, and are read by a few lines of their own: what the
product makes of them (`identity/access/builtin_roles.py`) must come to the same.
"""

import re
from collections.abc import Iterator

import pytest

from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.permissions import GROUPS, READ_LEVEL, Permission, mask_of, permissions_in
from models import BuiltinRole

PERMISSIONS = """
campaigns: *read*, *results*, draft, send, delete
lists: *read*, *subscribers_read*, write, subscribers_write, subscribers_delete, import, export, delete
automations: *read*, write, run, delete
templates: *read*, clone, write, protect, delete
forms: *read*, write, delete
servers: *read*, use, write, credentials, pools, quotas, delete
domains: *read*, use, write, verify, delete
conversations: *read*, *content*, *history*
activity: *dashboard*, *feed*, export
documents: *read*, upload, write, delete, import
brand: *read*, name, logo, colors, footer
agent: *read*, tone, rules
members: *read*, invite, remove, assign
roles: *read*, write, delete
api_keys: *read*, create, rotate, revoke
audit: *read*, export
workspace: *read*, update, create, delete
identity: *read*, manage
organization: *read*, update, plan, delete
"""  # noqa: E501 - a table

ROLES = """
group                  | Owner | Admin | Operator            | Viewer | Member | Editor | Auditor  | Creator
campaigns              | F     | F     | F                   | R      | -      | R      | R        | F without `send`, `delete`
lists                  | F     | F     | R                   | R      | -      | -      | R        | F without `export`, `delete`
automations            | F     | F     | F                   | -      | -      | -      | R        | -
templates              | F     | F     | F without `protect` | R      | -      | R      | R        | -
forms                  | F     | F     | R                   | -      | -      | -      | R        | -
servers                | F     | F     | - (`use`)           | -      | -      | -      | R        | F without `credentials`
domains                | F     | R     | - (`use`)           | -      | -      | -      | R        | -
conversations          | F     | F     | R                   | R      | R      | R      | R        | -
activity               | F     | F     | R                   | R      | R      | R      | R        | -
documents              | F     | F     | R                   | R      | R      | F      | R        | -
brand, agent           | F     | F     | R                   | R      | R      | R      | R        | -
members, roles         | F     | -     | -                   | -      | R      | R      | R        | -
api_keys               | F     | -     | -                   | -      | -      | -      | R        | -
audit                  | F     | R     | -                   | -      | R      | R      | F        | -
workspace              | F     | R     | R                   | R      | R      | R      | R        | -
identity, organization | F     | -     | -                   | -      | -      | -      | R        | -
"""  # noqa: E501 - a table


def vocabulary() -> dict[str, dict[str, bool]]:
    """Each group's actions, with whether the level READ has them."""
    found = {}
    for line in PERMISSIONS.strip().splitlines():
        group, _, actions = line.partition(": ")
        found[group] = {a.strip("*"): a.startswith("*") for a in actions.split(", ")}
    return found


VOCABULARY = vocabulary()


def cells() -> Iterator[tuple[str, str, str]]:
    """(role, group, cell) of the table."""
    head, *lines = [
        [part.strip() for part in line.split("|")] for line in ROLES.strip().splitlines()
    ]
    for groups, *row in lines:
        for role, cell in zip(head[1:], row, strict=True):
            for group in groups.split(", "):
                yield role, group, cell


def expanded(group: str, cell: str) -> set[str]:
    """The permissions that a cell stands for."""
    level = cell[0]
    actions = {
        a for a, read in VOCABULARY[group].items() if level == "F" or (level == "R" and read)
    }
    named = set(re.findall("`(.+?)`", cell))
    actions = actions - named if "without" in cell else actions | named
    return {f"{group}:{action}" for action in actions}


def held(role: str, group: str) -> set[str]:
    permissions = BUILTIN_PERMISSIONS[BuiltinRole(role.lower())]
    return {permission.value for permission in permissions if permission.group == group}


def test_the_vocabulary_is_the_table_in_its_order() -> None:
    assert [p.value for p in Permission] == [
        f"{g}:{a}" for g, acts in VOCABULARY.items() for a in acts
    ]
    assert [group.name for group in GROUPS] == list(VOCABULARY)
    assert {p.value for p in READ_LEVEL} == {
        f"{g}:{a}" for g, acts in VOCABULARY.items() for a, read in acts.items() if read
    }
    assert [p.name for p in Permission] == [p.value.upper().replace(":", "_") for p in Permission]


def test_the_table_has_every_role_in_every_group() -> None:
    places = [(role, group) for role, group, _ in cells()]
    assert len(places) == len(set(places)) == len(BuiltinRole) * len(VOCABULARY) == 8 * 19
    assert list(dict.fromkeys(role.lower() for role, _ in places)) == [b.value for b in BuiltinRole]


@pytest.mark.parametrize(("role", "group", "cell"), list(cells()))
def test_a_role_holds_in_a_group_exactly_what_the_table_says(
    role: str, group: str, cell: str
) -> None:
    assert held(role, group) == expanded(group, cell)


@pytest.mark.parametrize("role", BuiltinRole)
def test_nothing_is_implied_that_the_table_does_not_say(role: BuiltinRole) -> None:
    """Masks bring implications along; a built-in role already holds all of them."""
    assert set(permissions_in(mask_of(BUILTIN_PERMISSIONS[role]))) == BUILTIN_PERMISSIONS[role]


# Airmailer's own matrix, by the words of its lines: what a Member sees of each, and may not do.
AIRMAILER = [
    ("conversations", {"conversations:read", "conversations:content", "conversations:history"}),
    ("activity", {"activity:dashboard", "activity:feed"}),
    ("documents", {"documents:read"}),
    ("brand", {"brand:read"}),
    ("agent", {"agent:read"}),
    ("members", {"members:read"}),
    ("roles", {"roles:read"}),
    ("audit", {"audit:read"}),
    ("workspace", {"workspace:read"}),
]


@pytest.mark.parametrize(("group", "seen"), AIRMAILER)
def test_a_member_views_everything_that_is_listed(group: str, seen: set[str]) -> None:
    assert held("Member", group) == seen


def test_a_member_changes_nothing_exports_nothing_and_sees_nothing_else() -> None:
    listed = set().union(*(seen for _, seen in AIRMAILER))
    assert {p.value for p in BUILTIN_PERMISSIONS[BuiltinRole.MEMBER]} == listed
    assert not any(p.endswith(":export") for p in listed)
    assert {p for p in Permission if p.value in listed} <= READ_LEVEL


def test_an_owner_may_do_everything() -> None:
    assert BUILTIN_PERMISSIONS[BuiltinRole.OWNER] == frozenset(Permission)


def test_only_owners_and_auditors_export_the_audit_log() -> None:
    exporting = {r for r, held in BUILTIN_PERMISSIONS.items() if Permission.AUDIT_EXPORT in held}
    assert exporting == {BuiltinRole.OWNER, BuiltinRole.AUDITOR}
