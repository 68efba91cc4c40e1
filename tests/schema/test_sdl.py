"""The committed schema is the one that is served."""

import httpx

from schema.federation import COMMITTED
from schema.sdl import sdl


def test_the_committed_sdl_is_current() -> None:
    assert COMMITTED.read_text() == sdl(), "run: gatepost schema > schema/schema.graphql"


def test_a_declaration_is_printed_and_described() -> None:
    text = sdl()
    assert 'host: String @auth(requires: [SERVERS_READ], at: "self")' in text
    assert "Its host name. Needs `servers:read` on this object." in text


async def test_it_is_served(http: httpx.AsyncClient) -> None:
    response = await http.get("/schema.graphql")
    assert (response.status_code, response.text) == (200, sdl())
