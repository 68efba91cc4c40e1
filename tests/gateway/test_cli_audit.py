"""`gatepost audit`: checking a database, checking a file, and the keys for both."""

import json
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from identity import organizations
from identity.audit import sealed_file
from models import AuditCheckpoint, AuditEvent, AuditKey, AuditRetention
from tests.gateway.commands import Gatepost
from tests.tampering import past_triggers


@pytest.fixture
def acme(gatepost: Gatepost) -> UUID:
    """The id of an organization whose log is sealed."""
    gatepost.acme()
    assert gatepost.run("worker", "--once").exit_code == 0
    return gatepost.look(_acme)


async def _acme() -> UUID:
    return (await organizations.operator_of("acme")).organization_id


async def _first_event(organization_id: UUID) -> AuditEvent:
    return (await AuditEvent.filter(organization_id=organization_id).order_by("id"))[0]


def _tamper(gatepost: Gatepost, sql: str) -> None:
    async def tamper() -> None:
        async with past_triggers(gatepost.database_url) as run:
            await run(sql)

    gatepost.look(tamper)


def _public_key(gatepost: Gatepost, folder: Path) -> str:
    path = folder / "keys.pem"
    path.write_text(gatepost.run("audit", "public-key").stdout)
    return str(path)


def _export(gatepost: Gatepost, folder: Path, organization_id: UUID) -> Path:
    async def lines() -> bytes:
        async def everything(ids: object) -> dict[UUID, bool]:
            events = await AuditEvent.filter(organization_id=organization_id)
            return {event.id: True for event in events}

        written = sealed_file.sealed_lines(organization_id, filter={}, choose=everything)
        return b"".join([line async for line in written])

    path = folder / "export.jsonl"
    path.write_bytes(gatepost.look(lines))
    return path


def test_a_log_that_nobody_touched(gatepost: Gatepost, acme: UUID) -> None:
    said = gatepost.run("audit", "verify", "--org", "acme")
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == (
        "acme: all of the numbers 1 to 2 is as it was sealed; 0 events wait for their seals.\n"
    )
    everybody = gatepost.run("audit", "verify", "--json")
    assert everybody.exit_code == 0
    assert [report["log"] for report in json.loads(everybody.stdout)] == ["acme", "the deployment"]


def test_the_event_that_was_altered_is_named(gatepost: Gatepost, acme: UUID) -> None:
    _tamper(gatepost, "UPDATE audit_events SET actor_name = 'nobody'")
    event = gatepost.look(partial(_first_event, acme))
    said = gatepost.run("audit", "verify")
    assert (said.exit_code, said.stderr) == (
        1,
        f"acme: ALTERED at number 1, event {event.id}: the event is not the one that was sealed\n",
    )
    facts = gatepost.run("audit", "verify", "--org", "acme", "--json")
    assert facts.exit_code == 1
    (report,) = json.loads(facts.stdout)
    assert (report["finding"]["kind"], report["finding"]["event"]) == ("altered", str(event.id))


def test_a_file_is_checked_with_the_public_key_and_nothing_else(
    gatepost: Gatepost, acme: UUID, tmp_path: Path
) -> None:
    key = _public_key(gatepost, tmp_path)
    path = _export(gatepost, tmp_path, acme)
    alone = Gatepost("there is no such database")
    check = ("audit", "verify", "--file", str(path), "--public-key", key)

    said = alone.run(*check, GATEPOST_SECRET_KEYS=None, GATEPOST_NO_SUCH_SETTING="1")
    assert (said.exit_code, said.stderr) == (0, "")
    assert "all of the numbers 1 to 2 is as it was sealed; 2 events are in it." in said.stdout

    path.write_bytes(path.read_bytes().replace(b"operator", b"operatoR"))
    said = alone.run(*check)
    event = gatepost.look(partial(_first_event, acme))
    assert said.exit_code == 1
    assert f"ALTERED at number 1, event {event.id}" in said.stderr


def test_openssl_reads_the_key_and_checks_a_checkpoint(
    gatepost: Gatepost, acme: UUID, tmp_path: Path
) -> None:
    """By cryptography's own reader here: the PEM block and the signature need no code of ours."""

    text = gatepost.run("audit", "public-key").stdout
    key = load_pem_public_key(text.encode())
    assert isinstance(key, Ed25519PublicKey)
    statement = json.loads(gatepost.run("audit", "checkpoint", "--org", "acme").stdout)
    signature = bytes.fromhex(statement.pop("signature"))
    signed = json.dumps(statement, separators=(",", ":"), sort_keys=True).encode()
    key.verify(signature, signed)


def test_a_cut_log_is_found_by_the_checkpoint_that_was_kept(
    gatepost: Gatepost, acme: UUID, tmp_path: Path
) -> None:
    gatepost.run("org", "plan", "--org", "acme", "--plan", "premium")
    kept = tmp_path / "kept.json"
    kept.write_text(gatepost.run("audit", "checkpoint", "--org", "acme").stdout)
    verify = ("audit", "verify", "--org", "acme", "--checkpoint", str(kept))
    assert gatepost.run(*verify).exit_code == 0
    for sql in (
        "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_seals WHERE sequence > 2)",
        "DELETE FROM audit_seals WHERE sequence > 2",
        "DELETE FROM audit_checkpoints WHERE sequence > 2",
    ):
        _tamper(gatepost, sql)
    assert gatepost.run("audit", "verify", "--org", "acme").exit_code == 0
    said = gatepost.run(*verify)
    assert said.exit_code == 1
    assert "acme: TRUNCATED at number 3: the log had 3 events" in said.stderr

    kept.write_text(kept.read_text().replace('"sequence": 3', '"sequence": 2'))
    said = gatepost.run(*verify)
    assert (said.exit_code, said.stderr) == (
        1,
        "Error: The checkpoint is signed by no key of ours.\n",
    )


def test_keys_are_rotated_and_all_of_them_printed(
    gatepost: Gatepost, acme: UUID, tmp_path: Path
) -> None:
    before = gatepost.run("audit", "public-key").stdout
    said = gatepost.run("audit", "rotate-key")
    assert said.exit_code == 0
    newest = gatepost.look(lambda: AuditKey.all().order_by("-number").first())
    assert newest is not None
    assert newest.key_id in said.stdout
    after = gatepost.run("audit", "public-key").stdout
    assert after.endswith(before)
    assert after.startswith(f"Key {newest.key_id}\n")
    assert gatepost.run("audit", "verify").exit_code == 0
    assert gatepost.run("secrets", "rotate").exit_code == 0
    assert gatepost.run("audit", "verify").exit_code == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--file", "EXPORT"),
        ("--file", "EXPORT", "--public-key", "KEY", "--org", "acme"),
        ("--file", "EXPORT", "--public-key", "EXPORT"),
        ("--checkpoint", "KEY", "--org", "acme"),
        ("--checkpoint", "KEY"),
    ],
)
def test_wrong_usage(
    gatepost: Gatepost, acme: UUID, tmp_path: Path, options: tuple[str, ...]
) -> None:
    export = tmp_path / "export.jsonl"
    export.write_text("{}\n")
    paths = {"KEY": _public_key(gatepost, tmp_path), "EXPORT": str(export)}
    said = gatepost.run("audit", "verify", *(paths.get(each, each) for each in options))
    assert said.exit_code == 2


def test_of_an_organization_that_is_not_there_nothing_is_sealed(gatepost: Gatepost) -> None:
    said = gatepost.run("audit", "checkpoint", "--org", "nobody")
    assert said.exit_code == 1
    assert gatepost.look(lambda: AuditCheckpoint.all().count()) == 0


def test_the_log_is_held_and_released(gatepost: Gatepost, acme: UUID) -> None:
    said = gatepost.run("audit", "hold", "--org", "acme", "--reason", "Case 7")
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout.startswith("The audit log is held.\n")
    assert gatepost.run("audit", "hold", "--org", "acme", "--reason", "Again").exit_code == 1
    assert gatepost.run("audit", "release", "--org", "acme").exit_code == 2
    assert gatepost.run("audit", "release", "--org", "acme", "--reason", "Over").exit_code == 0
    rows = gatepost.look(lambda: AuditRetention.filter(organization_id=acme).order_by("created_at"))
    assert [row.held for row in rows] == [False, True, False]


def test_a_window_of_the_settings_is_declared_by_the_worker(gatepost: Gatepost) -> None:
    gatepost.acme()
    setting = {"GATEPOST_AUDIT_RETENTION_DAYS": "enterprise=4000"}
    assert gatepost.run("worker", "--once", **setting).exit_code == 0
    rows = gatepost.look(lambda: AuditRetention.all())
    assert [row.days for row in rows] == [4000]
