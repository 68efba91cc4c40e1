"""PATCH as Microsoft Entra ID sends it: learn.microsoft.com, "Develop and plan provisioning for a
SCIM endpoint". What needs no profile of the directory works for everybody.
"""

from typing import Any

import pytest

from tests.scim.directory import ENTERPRISE, Directory

WORK = {"value": "bob@acme.local", "type": "work"}

CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {"op": "Replace", "path": "displayName", "value": "Rob"}, {"displayName": "Rob"}),
    (
        {},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": WORK["value"]},
        {"emails": [WORK]},
    ),
    (
        {"emails": [{"value": "old@acme.example", "type": "work"}]},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": WORK["value"]},
        {"emails": [WORK]},
    ),
    (
        {},
        {"op": "Add", "value": {"name.givenName": "Rob", "name.familyName": "Roe"}},
        {"name": {"givenName": "Rob", "familyName": "Roe"}},
    ),
    (
        {},
        {"op": "Add", "value": {f"{ENTERPRISE}:department": "Ops"}},
        {ENTERPRISE: {"department": "Ops"}},
    ),
    (
        {},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "M-1"}},
        {ENTERPRISE: {"manager": {"value": "M-1"}}},
    ),
    (
        {"emails": [WORK], "title": "Boss"},
        {"op": "Remove", "path": "emails", "value": [{**WORK, "display": None}]},
        {"title": "Boss"},
    ),
    ({"active": False}, {"op": "Replace", "path": "active", "value": "True"}, {"active": True}),
]


@pytest.mark.parametrize(("before", "operation", "after"), CASES)
async def test_an_operation(
    directory: Directory,
    before: dict[str, Any],
    operation: dict[str, Any],
    after: dict[str, Any],
) -> None:
    bob = await directory.create_user("bob", **before)

    response = await directory.patch(f"/Users/{bob['id']}", operation)

    assert response.status_code == 204, response.text
    read = await directory.body(f"/Users/{bob['id']}")
    attributes = {k: v for k, v in read.items() if k not in ("id", "meta", "schemas", "userName")}
    assert attributes == {"active": True, **after}
