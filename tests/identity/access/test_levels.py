"""The level at which a role grants a group, against the table of the built-in roles."""

import pytest

from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.levels import RoleLevel, level_of, levels_of
from identity.access.permissions import GROUPS, Permission, mask_of
from models import BuiltinRole
from tests.identity.access.test_builtin_roles import VOCABULARY, cells

P = Permission
LEVELS = {"F": RoleLevel.FULL, "R": RoleLevel.READ, "-": RoleLevel.NONE}


@pytest.mark.parametrize(("role", "group", "cell"), list(cells()))
def test_a_built_in_role_has_the_level_of_its_cell(role: str, group: str, cell: str) -> None:
    """Where the cell names permissions it is a choice; in conversations, everything reads."""
    expected = LEVELS.get(cell, RoleLevel.CUSTOM)
    if all(VOCABULARY[group].values()) and expected is RoleLevel.FULL:
        expected = RoleLevel.READ
    held = BUILTIN_PERMISSIONS[BuiltinRole(role.lower())]
    assert dict(levels_of(mask_of(held)))[group] is expected


@pytest.mark.parametrize(
    ("held", "level"),
    [
        ([], RoleLevel.NONE),
        ([P.FORMS_WRITE], RoleLevel.NONE),
        ([P.CAMPAIGNS_RESULTS], RoleLevel.CUSTOM),
        ([P.CAMPAIGNS_READ], RoleLevel.CUSTOM),
        ([P.CAMPAIGNS_READ, P.CAMPAIGNS_RESULTS], RoleLevel.READ),
        ([P.CAMPAIGNS_SEND], RoleLevel.CUSTOM),
        (
            [P.CAMPAIGNS_RESULTS, P.CAMPAIGNS_DRAFT, P.CAMPAIGNS_SEND, P.CAMPAIGNS_DELETE],
            RoleLevel.FULL,
        ),
    ],
)
def test_a_level_counts_what_is_implied(held: list[Permission], level: RoleLevel) -> None:
    campaigns = next(group for group in GROUPS if group.name == "campaigns")
    assert level_of(campaigns, mask_of(held)) is level


def test_every_group_has_a_level_in_the_order_of_the_vocabulary() -> None:
    assert levels_of(0) == [(group, RoleLevel.NONE) for group in VOCABULARY]
