"""`gatepost audit export`."""

import csv
import io
import json
import stat
from pathlib import Path

from models import AuditEvent
from tests.gateway.commands import Gatepost

EXPORT = ("audit", "export", "--org", "acme")


async def told() -> list[tuple[str, str, str | None, object]]:
    events = await AuditEvent.filter(action__startswith="audit.").order_by("id")
    return [(e.action, e.actor_name, e.operation, e.diff[-1]["after"]) for e in events]


def test_the_log_is_written_as_csv(gatepost: Gatepost) -> None:
    gatepost.acme()
    said = gatepost.run(*EXPORT)
    assert (said.exit_code, said.stderr) == (0, "2 events.\n")
    table = list(csv.DictReader(io.StringIO(said.stdout)))
    assert [row["action"] for row in table] == [
        "organization.create",
        "sign_in_link.create",
    ]
    assert gatepost.look(told)[-1] == (
        "audit.export_end",
        "operator",
        "gatepost audit export",
        True,
    )


def test_a_filter_and_a_file(gatepost: Gatepost, tmp_path: Path) -> None:
    acme = gatepost.acme()
    path = tmp_path / "log.jsonl"
    asked = (
        *(
            "--format",
            "jsonl",
            "--action",
            "sign_in_link.*",
            "--via",
            "cli",
            "--outcome",
            "success",
        ),
        *("--target", acme["owner"], "--text", "olga", "--from", "2020-01-01"),
        *("--before", "2999-01-01T00:00:00Z", "--output", str(path)),
    )
    said = gatepost.run(*EXPORT, *asked)
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "1 events.\n")
    [line] = [json.loads(each) for each in path.read_bytes().splitlines()]
    assert (line["action"], line["target"]["name"]) == (
        "sign_in_link.create",
        "olga@acme.example",
    )
    assert line["request_id"] is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    again = gatepost.run(*EXPORT, *asked)
    assert again.exit_code == 2
    assert "File exists" in again.stderr
    nothing = gatepost.run(*EXPORT, "--actor", "olga@acme.example", "--format", "ocsf")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "0 events.\n")


def test_what_cannot_be_is_refused_and_exports_nothing(gatepost: Gatepost) -> None:
    gatepost.acme()
    for arguments, words in [
        (("--action", "role"), "--action: There is no audit action 'role'."),
        (("--actor", "nobody@acme.example"), "There is no such member"),
        (("--workspace", "nowhere"), "There is no such workspace"),
        (("--target", "x"), "--target: This is not an id"),
        (("--text", "?"), "the filter.text: Search for 1 to 8 words."),
    ]:
        said = gatepost.run(*EXPORT, *arguments)
        assert (said.exit_code, said.stdout) == (1, "")
        assert words in said.stderr
    assert gatepost.look(told) == []


def test_a_smaller_plan_has_fewer_formats(gatepost: Gatepost) -> None:
    gatepost.json(
        *("org", "create", "--slug", "acme", "--name", "Acme"),
        *("--plan", "starter", "--owner", "olga@acme.example"),
    )
    said = gatepost.run(*EXPORT, "--format", "jsonl")
    assert said.exit_code == 1
    assert "does not include AUDIT_JSONL. It is part of PREMIUM." in said.stderr
    assert gatepost.run(*EXPORT).exit_code == 0
