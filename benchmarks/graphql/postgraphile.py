"""The same questions in the schema that PostGraphile makes of the tables, and its answers put into
the shape of Gatepost's, so that they can be compared.

A policy on rows has no words for a field that is denied on a row that is seen: that operation is
left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.permissions import mask_of, permissions_in
from schema.connection import cursor_of
from schema.ids import global_id, row_id

NAME = "postgraphile"
SETUP = Path(__file__).parent / "peers" / "postgraphile.sql"

PAGE = """query Page($ws: UUID!) {
  viewer { name email }
  workspace: workspaceByRowId(rowId: $ws) {
    rowId
    name
    campaigns: campaignsByWorkspaceId(first: 50, orderBy: PRIMARY_KEY_DESC) {
      nodes {
        rowId
        name
        status
        subject
        delivered
        opened
        clicked
        mailingList: mailingListByMailingListId { rowId name }
        owner: memberByOwnerId { rowId name }
      }
      pageInfo { hasNextPage }
    }
  }
}"""

NESTED = """query Nested {
  organization: ownOrganization {
    members: membersByOrganizationId(first: 50, orderBy: PRIMARY_KEY_DESC) {
      nodes {
        rowId
        name
        assignments(orderBy: PRIMARY_KEY_ASC) { nodes { rowId scopeType reason } }
      }
    }
  }
}"""

RENAME = """mutation Rename($input: RenameCampaignInput!) {
  updateCampaign: renameCampaign(input: $input) { campaign: result { rowId name version } }
}"""


@dataclass(frozen=True, slots=True)
class Translated:
    """An operation in PostGraphile's schema, and how to bring variables there and data back."""

    document: str
    variables: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    data: Callable[[Any], Any]


def _unchanged(value: Any) -> Any:
    return value


def _node(type_name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its global id in place of its own."""
    rest = {name: value for name, value in row.items() if name != "rowId"}
    return {"id": global_id(type_name, UUID(row["rowId"])), **rest}


def _page(data: Any) -> Any:
    workspace = data["workspace"]
    nodes = workspace["campaigns"]["nodes"]
    further = workspace["campaigns"]["pageInfo"]["hasNextPage"]
    end = cursor_of(UUID(nodes[-1]["rowId"]))
    page = {
        "nodes": [_campaign(node) for node in nodes],
        "pageInfo": {"hasNextPage": further, "endCursor": end},
    }
    return {**data, "workspace": _node("Workspace", {**workspace, "campaigns": page})}


def _campaign(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: row[name] for name in ("delivered", "opened", "clicked")}
    return _node("Campaign", {n: v for n, v in row.items() if n not in counts}) | {
        "status": row["status"].upper(),
        "results": counts,
        "mailingList": _node("MailingList", row["mailingList"]),
        "owner": _node("Member", row["owner"]),
    }


def _nested(data: Any) -> Any:
    members = [
        _node("Member", member)
        | {"assignments": [_assignment(each) for each in member["assignments"]["nodes"]]}
        for member in data["organization"]["members"]["nodes"]
    ]
    return {"organization": {"members": {"nodes": members}}}


def _assignment(row: Mapping[str, Any]) -> dict[str, Any]:
    return _node("Assignment", row) | {"scopeType": row["scopeType"].upper()}


def _renamed(data: Any) -> Any:
    if data["updateCampaign"] is None:
        return data
    campaign = _node("Campaign", data["updateCampaign"]["campaign"])
    return {"updateCampaign": {"campaign": campaign}}


def _workspace_row(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"ws": str(row_id(variables["ws"], "Workspace", field="ws"))}


def _rename_arguments(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    given = variables["input"]
    campaign_id = row_id(given["campaignId"], "Campaign", field="campaignId")
    version = given["expectedVersion"]
    return {
        "input": {
            "campaignId": str(campaign_id),
            "expectedVersion": version,
            "newName": given["name"],
        }
    }


TRANSLATED: Mapping[str, Translated] = {
    "page": Translated(PAGE, _workspace_row, _page),
    "page-whole": Translated(PAGE, _workspace_row, _page),
    "small": Translated("query Small { viewer { name email } }", _unchanged, _unchanged),
    "nested": Translated(NESTED, _unchanged, _nested),
    "mutation": Translated(RENAME, _rename_arguments, _renamed),
}


async def prepare(database: asyncpg.Connection, reader: str) -> None:
    """Row-level security for a new role `reader` on a seeded database; whoever owns the tables does
    not notice.
    """
    await database.execute(f'DROP ROLE IF EXISTS "{reader}"; CREATE ROLE "{reader}" NOLOGIN')
    await database.execute(SETUP.read_text().replace("READER", f'"{reader}"'))
    held = [
        (role.value, permission.value)
        for role, permissions in BUILTIN_PERMISSIONS.items()
        for permission in permissions_in(mask_of(permissions))
    ]
    await database.executemany("INSERT INTO gate.builtin VALUES ($1, $2)", held)
    await database.execute("ANALYZE gate.builtin")
