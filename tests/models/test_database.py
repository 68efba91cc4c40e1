"""How a database is named, opened and closed."""

import asyncio
import stat
from pathlib import Path

import pytest

from models.database import (
    POOL_SIZE,
    DatabaseUrlError,
    _keep_as_it_is,
    configuration,
    opened,
    transaction,
)
from tests.conftest import SECRET_KEYS
from tests.models.catalog import rows


async def test_sqlite_is_opened_for_several_processes_and_with_foreign_keys(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "gatepost.sqlite3"
    async with opened(f"sqlite://{path}", SECRET_KEYS):
        settings = {
            name: (await rows(f"PRAGMA {name}"))[0][column]
            for name, column in {
                "journal_mode": "journal_mode",
                "foreign_keys": "foreign_keys",
                "busy_timeout": "timeout",
                "synchronous": "synchronous",
            }.items()
        }
    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "synchronous": 1,
    }
    assert path.exists()


def _permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_what_sqlite_creates_is_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "gatepost.sqlite3"
    async with opened(f"sqlite://{path}", SECRET_KEYS):
        await rows("CREATE TABLE t (a)")
        modes = {file.name: _permissions(file) for file in path.parent.iterdir()}

    assert modes == {
        "gatepost.sqlite3": 0o600,
        "gatepost.sqlite3-wal": 0o600,
        "gatepost.sqlite3-shm": 0o600,
    }
    assert _permissions(path.parent) == 0o700


async def test_a_folder_and_a_file_that_stand_keep_their_permissions(tmp_path: Path) -> None:
    path = tmp_path / "var" / "gatepost.sqlite3"
    path.parent.mkdir()
    path.parent.chmod(0o750)
    path.touch()
    path.chmod(0o640)
    async with opened(f"sqlite://{path}", SECRET_KEYS):
        await rows("CREATE TABLE t (a)")

    assert (_permissions(path.parent), _permissions(path)) == (0o750, 0o640)


def _credentials(url: str) -> dict[str, object]:
    credentials: dict[str, object] = configuration(url)["connections"]["default"]["credentials"]
    return credentials


def test_a_sqlite_path_is_relative_or_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _credentials("sqlite://var/a.sqlite3")["file_path"] == "var/a.sqlite3"
    assert _credentials(f"sqlite://{tmp_path}/b.sqlite3")["file_path"] == f"{tmp_path}/b.sqlite3"
    assert _credentials("sqlite://a%20b.sqlite3")["file_path"] == "a b.sqlite3"


def test_postgres_credentials_are_read_and_unescaped() -> None:
    assert _credentials("postgresql://ann%40x:p%2Fw@db.example:6432/gate?ssl=require") == {
        "host": "db.example",
        "port": 6432,
        "user": "ann@x",
        "password": "p/w",
        "database": "gate",
        "application_name": "gatepost",
        "maxsize": 10,
        "server_settings": {
            "lock_timeout": "3s",
            "statement_timeout": "15s",
            "idle_in_transaction_session_timeout": "60s",
        },
        "reset": _keep_as_it_is,
        "ssl": "require",
    }
    short = _credentials("postgres:///gate?lock_timeout=50ms&statement_timeout=0&maxsize=20")
    assert short == {
        "host": "127.0.0.1",
        "port": 5432,
        "user": "postgres",
        "password": None,
        "database": "gate",
        "application_name": "gatepost",
        "maxsize": "20",
        "server_settings": {
            "lock_timeout": "50ms",
            "statement_timeout": "0",
            "idle_in_transaction_session_timeout": "60s",
        },
        "reset": _keep_as_it_is,
    }


def test_a_unix_socket_is_named_in_the_query() -> None:
    assert _credentials("postgres:///gate?host=/var/run/postgresql")["host"] == (
        "/var/run/postgresql"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://root@localhost/x", "starts with 'mysql'"),
        ("gatepost.sqlite3", "starts with 'nothing'"),
        ("", "starts with 'nothing'"),
        ("sqlite://", "names no file"),
        ("postgres://ann@db.example", "names no database"),
        ("postgres://ann@db.example/", "names no database"),
        ("postgres://ann:secret@db.example:port/gate", "port"),
    ],
)
def test_an_unknown_url_is_refused_and_not_repeated(url: str, message: str) -> None:
    with pytest.raises(DatabaseUrlError, match=message) as refused:
        configuration(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("steps", range(12))
async def test_a_transaction_that_is_cancelled_gives_its_connection_back(
    database: str, steps: int
) -> None:
    """At whatever step of its beginning, its statement or its end."""

    async def change() -> None:
        async with transaction():
            await rows("SELECT 1 AS one")

    await rows("SELECT 1")  # as at every start: the first connection is there
    for _ in range(POOL_SIZE + 1):
        changing = asyncio.create_task(change())
        for _ in range(steps):
            await asyncio.sleep(0)
        changing.cancel()
        await asyncio.wait({changing})
    async with asyncio.timeout(10), transaction():
        assert [row["one"] for row in await rows("SELECT 1 AS one")] == [1]
