"""A directory: an HTTP client of the SCIM door with an organization's token."""

from dataclasses import dataclass
from typing import Any

import httpx

from identity.credentials import scim_tokens
from tests.world import World

BASE = "http://127.0.0.1:8000/scim/v2"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(frozen=True, slots=True)
class Directory:
    """Speaks for one organization."""

    http: httpx.AsyncClient
    world: World
    token: str

    async def request(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.http.request(method, f"/scim/v2{path}", json=body, headers=sent)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.request("GET", path, **headers)

    async def body(self, path: str) -> Any:
        """The body of a resource or list that must be there."""
        response = await self.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    async def create_user(self, user_name: str, **attributes: Any) -> Any:
        """The new user's resource."""
        return await self._create("/Users", {"userName": user_name, **attributes}, USER)

    async def create_group(self, name: str, *members: str, **attributes: Any) -> Any:
        """The new group's resource."""
        entries = [{"value": member} for member in members]
        return await self._create(
            "/Groups", {"displayName": name, "members": entries, **attributes}, GROUP
        )

    async def _create(self, path: str, content: dict[str, Any], schema: str) -> Any:
        response = await self.request("POST", path, {"schemas": [schema], **content})
        assert response.status_code == 201, response.text
        return response.json()

    async def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> httpx.Response:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.request("PATCH", path, body, **headers)

    async def members(self, group_id: str) -> set[str]:
        group = await self.body(f"/Groups/{group_id}")
        return {member["value"] for member in group.get("members", [])}

    async def found(self, path: str, scim_filter: str) -> list[str]:
        """The ids that a filter finds."""
        response = await self.http.get(
            f"/scim/v2{path}",
            params={"filter": scim_filter},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert response.status_code == 200, response.text
        body = response.json()
        assert body["totalResults"] == len(body.get("Resources", []))
        return [resource["id"] for resource in body.get("Resources", [])]


async def connect(http: httpx.AsyncClient, world: World) -> Directory:
    _, token = await scim_tokens.create(world.operator, name="Directory")
    return Directory(http, world, token)


def refusal(response: httpx.Response) -> tuple[int, str | None]:
    """Status and scimType of a SCIM error, whose form is checked."""
    body = response.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(response.status_code)
    assert body["detail"]
    assert response.headers["content-type"] == "application/scim+json"
    return response.status_code, body.get("scimType")
