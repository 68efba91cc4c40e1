"""What holding a permission brings along, and what nothing brings along."""

import pytest

from identity.access.builtin_roles import held
from identity.access.permissions import (
    ALL_MASK,
    Permission,
    mask_of,
    parse_permission,
    permissions_in,
)

WITHOUT_READ = {"activity"}
"""Groups that have no `read`."""


def implied(permission: Permission) -> set[str]:
    return {p.value for p in permissions_in(mask_of([permission]))} - {permission.value}


@pytest.mark.parametrize("permission", Permission)
def test_an_action_implies_the_read_of_its_group_and_nothing_else(permission: Permission) -> None:
    alone = permission.action in ("read", "use", "results") or permission.group in WITHOUT_READ
    assert implied(permission) == (set() if alone else {f"{permission.group}:read"})


@pytest.mark.parametrize("export", [p for p in Permission if p.action == "export"])
def test_nothing_implies_an_export(export: Permission) -> None:
    assert mask_of(p for p in Permission if p is not export) == ALL_MASK & ~export.bit


def test_drafting_and_sending_do_not_imply_each_other() -> None:
    assert not mask_of([Permission.CAMPAIGNS_DRAFT]) & Permission.CAMPAIGNS_SEND.bit
    assert not mask_of([Permission.CAMPAIGNS_SEND]) & Permission.CAMPAIGNS_DRAFT.bit


def test_each_permission_is_a_bit_of_its_own() -> None:
    assert [p.bit for p in Permission] == [1 << n for n in range(len(Permission))]
    assert sum(p.bit for p in Permission) == ALL_MASK
    assert permissions_in(ALL_MASK) == tuple(Permission)
    assert permissions_in(0) == ()


@pytest.mark.parametrize(
    "text", ["", "campaigns", "campaigns:", ":send", "campaigns:fly", "CAMPAIGNS_SEND", "*", "a:*"]
)
def test_an_unknown_permission_is_none_and_grants_nothing(text: str) -> None:
    assert parse_permission(text) is None
    assert held(None, [text]) == frozenset()
    assert held(None, [text, "forms:read"]) == {Permission.FORMS_READ}


def test_permissions_are_found_by_their_name() -> None:
    assert [parse_permission(p.value) for p in Permission] == list(Permission)
