"""`gatepost demo` as a newcomer meets it: started, walked through, stopped, started again."""

import re
import socket
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from graphql import OperationDefinitionNode, parse

from gateway.demo.people import PEOPLE
from tests.gateway.commands import Gatepost, Said
from tests.gateway.program import free_port, names_in, running

SESSION = "__Host-gatepost_session"


class Browser:
    """Keeps cookies by name and sends them over http too, as browsers do on 127.0.0.1."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.cookies: dict[str, str] = {}

    async def request(self, method: str, address: str, **how: Any) -> httpx.Response:
        """One request, without following where it leads."""
        sent = {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        headers = {**how.pop("headers", {}), **(sent if self.cookies else {})}
        answer = await self._http.request(method, address, headers=headers, **how)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer

    async def follow(self, answer: httpx.Response) -> tuple[httpx.Response, list[str]]:
        """The page at the end, and the paths on the way."""
        paths = []
        while answer.is_redirect:
            paths.append(urlsplit(answer.headers["location"]).path)
            answer = await self.request("GET", answer.headers["location"])
        return answer, paths

    async def become(self, key: str) -> str:
        """Press a person's button on the home page, and arrive; the examples that are shown."""
        pressed = await self.request("POST", "/demo/sign-in", data={"person": key})
        page, way = await self.follow(pressed)
        assert [re.sub(r"[0-9a-f-]{36}", "ID", path) for path in way] == [
            "/auth/start/ID",
            "/demo/identity/authorize",
            "/auth/callback/ID",
        ]
        assert page.status_code == 200
        code = re.search(r'name="code" value="([^"]+)"', page.text)
        assert code is not None
        finished = await self.request("POST", "/auth/finish", data={"code": code[1]})
        assert finished.headers["location"] == "/demo/examples"
        examples = await self.request("GET", finished.headers["location"])
        return parse_qs(urlsplit(examples.headers["location"]).query)["query"][0]

    async def ask(self, document: str, operation: str) -> Any:
        answer = await self.request(
            "POST",
            "/graphql",
            json={"query": document, "operationName": operation},
            headers={"X-Gatepost-Client": "tests"},
        )
        return answer.json()


def client(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)


async def test_the_first_minute(tmp_path: Path) -> None:
    port = free_port()
    async with running("demo", "--port", str(port), folder=tmp_path) as program:
        ready = await program.line_starting("Open ")
        assert ready == (
            f"Open http://127.0.0.1:{port}/demo and choose who you are. Ctrl-C stops the demo."
        )
        curl = next(line for line in program.lines if line.startswith("  curl"))
        async with client(port) as http:
            browser = Browser(http)
            home = await browser.request("GET", "/demo")
            assert re.findall(r'name="person" value="(\w+)"', home.text) == [
                person.key for person in PEOPLE
            ]
            assert (await browser.request("GET", "/")).text == home.text

            examples = await browser.become("bob")
            await assert_bob_sees_his_workspace(browser, examples)
            examples = await browser.become("vera")
            await assert_vera_cannot_send(browser, examples)
            await assert_a_directory_is_let_in(http, curl)
        exit_code, rest = await program.interrupted()

    assert exit_code == 0
    assert rest == "The demo is stopped; its data is kept for the next time.\n"


async def assert_bob_sees_his_workspace(browser: Browser, examples: str) -> None:
    names = [
        node.name.value
        for node in parse(examples).definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    ]
    assert names == ["WhatISee", "ServerSettings", "AcmeLabs", "Send"]

    seen = await browser.ask(examples, "WhatISee")
    assert "errors" not in seen
    assert seen["data"]["viewer"] == {"name": "Bob Operator"}
    (workspace,) = seen["data"]["workspaces"]
    campaigns = {node["name"]: node for node in workspace["campaigns"]["nodes"]}
    assert (workspace["name"], len(campaigns)) == ("Acme Mail", 6)
    assert campaigns["Spring sale"] == {
        "name": "Spring sale",
        "status": "SENT",
        "results": {"delivered": 12391, "opened": 5102},
    }

    server = await browser.ask(examples, "ServerSettings")
    (workspace,) = server["data"]["workspaces"]
    assert workspace["sendingServers"]["nodes"] == [
        {"name": "Main SMTP", "host": None, "passwordFingerprint": None}
    ]
    assert [(error["path"][-1], error["extensions"]["missing"]) for error in server["errors"]] == [
        ("host", ["SERVERS_READ"]),
        ("passwordFingerprint", ["SERVERS_READ"]),
    ]

    labs = await browser.ask(examples, "AcmeLabs")
    assert labs["data"] == {"workspace": None}
    assert [error["extensions"]["code"] for error in labs["errors"]] == ["NOT_FOUND"]


async def assert_vera_cannot_send(browser: Browser, examples: str) -> None:
    sent = await browser.ask(examples, "Send")
    (error,) = sent["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["missing"] == ["CAMPAIGNS_SEND"]

    seen = await browser.ask(examples, "WhatISee")
    (workspace,) = seen["data"]["workspaces"]
    drafts = [n["name"] for n in workspace["campaigns"]["nodes"] if n["status"] == "DRAFT"]
    assert sorted(drafts) == ["Autumn newsletter", "Win-back"]


async def assert_a_directory_is_let_in(http: httpx.AsyncClient, curl: str) -> None:
    found = re.fullmatch(r'  curl -H "Authorization: (Bearer \S+)" (\S+)', curl)
    assert found is not None
    listed = await http.get(found[2], headers={"Authorization": found[1]})
    assert (listed.status_code, listed.json()["totalResults"]) == (200, len(PEOPLE))


async def test_the_second_start_reuses_the_data_on_another_port(tmp_path: Path) -> None:
    port = free_port()
    async with running("demo", "--port", str(port), folder=tmp_path) as program:
        await program.line_starting("Open ")
        async with client(port) as http:
            await Browser(http).become("vera")  # the keys of this port's provider are kept
        assert (await program.interrupted())[0] == 0

    port = free_port()
    async with running("demo", "--port", str(port), folder=tmp_path) as program:
        await program.line_starting("Open ")
        assert program.lines[0] == "Found the example organization of last time in var/demo."
        assert not any("curl" in line for line in program.lines)
        async with client(port) as http:
            browser = Browser(http)
            examples = await browser.become("olga")
            sent = await browser.ask(examples, "Send")
            assert sent["data"]["sendCampaign"]["campaign"]["status"] == "SENDING"
        assert (await program.interrupted())[0] == 0


@pytest.fixture
def gatepost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gatepost:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Gatepost("sqlite://unused")


def test_a_database_that_is_no_demo_is_refused(gatepost: Gatepost, tmp_path: Path) -> None:
    database = tmp_path / "var" / "demo" / "gatepost.sqlite3"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"precious")

    said = gatepost.run("demo", "--port", str(free_port()), GATEPOST_DATABASE_URL=None)

    assert said == Said(
        1,
        "",
        "Error: var/demo/gatepost.sqlite3 was not made by gatepost demo, "
        "which signs in anybody. Move it away.\n",
    )
    assert names_in(database.parent) == [database.name]
    assert database.read_bytes() == b"precious"


def test_the_database_of_the_environment_is_refused(gatepost: Gatepost, tmp_path: Path) -> None:
    said = gatepost.run("demo", GATEPOST_DATABASE_URL=f"sqlite://{tmp_path}/real.sqlite3")

    assert said == Said(
        1,
        "",
        "Error: The demo brings its own database and signs in anybody: unset "
        "GATEPOST_DATABASE_URL, or run gatepost serve.\n",
    )
    assert names_in(tmp_path) == []


def test_it_cannot_be_opened_to_the_network(gatepost: Gatepost, tmp_path: Path) -> None:
    said = gatepost.run("demo", "--host", "192.0.2.1", GATEPOST_DATABASE_URL=None)

    assert (said.exit_code, said.stdout) == (2, "")
    assert "Error: No such option '--host'." in said.stderr
    assert names_in(tmp_path) == []


def test_a_taken_port_is_a_sentence(gatepost: Gatepost, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = gatepost.run("demo", "--port", str(port), GATEPOST_DATABASE_URL=None)

    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr.startswith(f"Error: Port {port} on 127.0.0.1 cannot be had ")
    assert names_in(tmp_path) == []
