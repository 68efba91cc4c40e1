"""The operations that every contender answers, and who asks them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.graphql.seed import Seeded
from schema.ids import global_id

PAGE = """query Page($ws: ID!) {
  viewer { name email }
  workspace(id: $ws) {
    id
    name
    campaigns(first: 50) {
      nodes {
        id
        name
        status
        subject
        results { delivered opened clicked }
        mailingList { id name }
        owner { id name }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

SMALL = "query Small { viewer { name email } }"

NESTED = """query Nested {
  organization {
    members(first: 50) {
      nodes { id name assignments { id scopeType reason } }
    }
  }
}"""

RENAME = """mutation Rename($input: UpdateCampaignInput!) {
  updateCampaign(input: $input) { campaign { id name version } }
}"""

MUTATION = "mutation"


@dataclass(frozen=True, slots=True)
class Operation:
    """A document, by whom it is asked, and the errors that its answer must have."""

    name: str
    about: str
    caller: str
    document: str
    variables: Mapping[str, Any]
    errors: int = 0


def operations(seeded: Seeded) -> dict[str, Operation]:
    """Every operation by its name. The variables of the mutation change with each request."""
    here = {"ws": global_id("Workspace", seeded.workspace_id)}
    listed = (
        Operation(
            "page", "50 of 60 campaigns, seen through single assignments", "otto", PAGE, here
        ),
        Operation(
            "page-whole", "the same page, the role held in the workspace", "mona", PAGE, here
        ),
        Operation("small", "one object", "otto", SMALL, {}),
        Operation("nested", "50 members with 20 assignments each", "olga", NESTED, {}),
        Operation(MUTATION, "a rename with its audit row", "mona", RENAME, {}),
        Operation("denied", "the page with 100 denied fields", "rita", PAGE, here, errors=100),
    )
    return {operation.name: operation for operation in listed}


def rename(campaign_id: str, version: int) -> dict[str, Any]:
    """The variables of one rename: each has a new name of the same length."""
    name = f"Draft renamed {version % 1_000_000:06}"
    return {"input": {"campaignId": campaign_id, "expectedVersion": version, "name": name}}
