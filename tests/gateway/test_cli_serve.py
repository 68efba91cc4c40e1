"""`gatepost serve` as a program: it answers, it stops, and it says why it does not start."""

import socket
from pathlib import Path

import httpx
import pytest

from tests.gateway.commands import Gatepost, Said
from tests.gateway.program import free_port, names_in, running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a migrated database at its usual place."""
    path = tmp_path / "var" / "gatepost.sqlite3"
    said = Gatepost(f"sqlite://{path}").run("migrate", GATEPOST_SECRET_KEYS=None)
    assert said.exit_code == 0
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
async def test_it_answers_until_it_is_interrupted(folder: Path, workers: int) -> None:
    port = free_port()
    arguments = ("serve", "--access-log", "--port", str(port), "--workers", str(workers))

    async with running(*arguments, folder=folder) as program:
        announced = await program.line_starting("Gatepost serves")
        assert announced == (
            f"Gatepost serves http://127.0.0.1:{port} on port {port}. Ctrl-C stops it."
        )
        await program.line_starting("INFO:     Application startup complete.")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            ready = await http.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
            assert "server" not in ready.headers
            link = await http.get("/auth/link", params={"token": "one-time-secret"})
            assert link.status_code >= 400
            forwarded = await http.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
            assert forwarded.status_code == 200
        exit_code, rest = await program.interrupted()

    assert exit_code == 0
    printed = "\n".join(program.lines) + rest
    assert '"GET /auth/link HTTP/1.1"' in printed
    assert "one-time-secret" not in printed
    assert "203.0.113.9" not in printed
    assert "Traceback" not in printed


def test_it_does_not_start_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = Gatepost("sqlite://var/gatepost.sqlite3").run("serve", "--port", str(free_port()))

    assert said == Said(
        1, "", "Error: There is no database at var/gatepost.sqlite3 yet. Run: gatepost migrate\n"
    )
    assert names_in(tmp_path) == []


def test_a_taken_port_is_a_sentence(gatepost: Gatepost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = gatepost.run("serve", "--port", str(port))

    assert said == Said(
        1,
        "",
        f"Error: Port {port} on 127.0.0.1 cannot be had (Address already in use). "
        f"Choose another, e.g. --port {port + 1}\n",
    )


def test_wrong_settings_are_a_sentence(unmigrated: Gatepost) -> None:
    said = unmigrated.run("serve", GATEPOST_PUBLIC_URL="acme")

    assert said == Said(
        1,
        "",
        "Error: GATEPOST_PUBLIC_URL: write https://HOST without a path; "
        "plain http is for 127.0.0.1 and localhost only\n",
    )
