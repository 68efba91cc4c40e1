"""`gatepost webhook`."""

import json
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook as Verifier

from models import AuditEvent, DeliveryStatus, Webhook, WebhookDelivery
from models.clock import now
from models.ids import new_id
from schema.ids import global_id
from tests.gateway.commands import Gatepost
from tests.receiver import Answer, Receiver

ADD = ("webhook", "add", "--org", "acme", "--name", "SIEM")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("GATEPOST_ALLOW_LOOPBACK_WEBHOOKS", "true")
    with Receiver() as serving:
        yield serving


async def told() -> list[tuple[str, str, str | None]]:
    events = await AuditEvent.filter(action__startswith="webhook").order_by("id")
    return [(event.action, event.actor_name, event.operation) for event in events]


async def webhooks() -> int:
    return await Webhook.all().count()


async def dead_letter() -> str:
    webhook = await Webhook.get()
    row = await WebhookDelivery.create(
        organization_id=webhook.organization_id,
        webhook=webhook,
        event_id=new_id(),
        action="role.create",
        position=0,
        status=DeliveryStatus.DEAD,
        attempts=10,
        ended_at=now(),
        log=[{"status": 503}],
    )
    return global_id("WebhookDelivery", row.id)


def test_one_is_added_changed_rotated_tested_and_removed(
    gatepost: Gatepost, receiver: Receiver
) -> None:
    gatepost.acme()
    added = gatepost.json(*ADD, "--url", receiver.url, "--action", "role.*", "--outcome", "success")
    secret = added.pop("secret")
    assert secret.startswith("whsec_")
    assert added == {
        "webhook": added["webhook"],
        "name": "SIEM",
        "url": receiver.url,
        "actions": "role.*",
        "outcome": "success",
        "format": "gatepost",
        "disabled": "",
        "fingerprint": added["fingerprint"],
    }
    listed = json.loads(gatepost.run("webhook", "list", "--org", "acme", "--json").stdout)
    assert listed == [added], "the secret is shown once"

    named = ("--org", "acme", "--webhook", added["webhook"])
    tested = gatepost.json("webhook", "test", *named)
    assert (tested["action"], tested["status"]) == ("webhook.ping", "delivered")
    assert tested["answer"] == "204"
    (received,) = receiver.received
    content = Verifier(secret).verify(received.body, dict(received.headers))
    assert content["type"] == "webhook.ping"

    rotated = gatepost.json("webhook", "rotate", *named, "--overlap-hours", "0")
    assert rotated["secret"] != secret
    assert rotated["fingerprint"] != added["fingerprint"]

    changed = gatepost.json(
        *("webhook", "change", *named, "--action", "*.delete", "--disable", "--format", "ocsf")
    )
    assert changed["format"] == "ocsf"
    assert changed["actions"] == "*.delete"
    assert (changed["outcome"], changed["disabled"]) == ("", "by_hand")
    assert gatepost.json("webhook", "change", *named, "--enable")["disabled"] == ""
    assert gatepost.json("webhook", "remove", *named) == {"webhook": added["webhook"]}
    assert gatepost.look(webhooks) == 0
    assert gatepost.look(told) == [
        ("webhook.create", "operator", "gatepost webhook add"),
        ("webhook.test", "operator", "gatepost webhook test"),
        ("webhook.rotate", "operator", "gatepost webhook rotate"),
        ("webhook.update", "operator", "gatepost webhook change"),
        ("webhook.update", "operator", "gatepost webhook change"),
        ("webhook.delete", "operator", "gatepost webhook remove"),
    ]


def test_a_test_that_is_not_accepted_says_so_by_its_exit_code(
    gatepost: Gatepost, receiver: Receiver
) -> None:
    gatepost.acme()
    added = gatepost.json(*ADD, "--url", receiver.url, "--action", "campaign.send")
    receiver.answer = Answer(401, b"who are you?")
    said = gatepost.run("webhook", "test", "--org", "acme", "--webhook", added["webhook"])
    assert said.exit_code == 1
    assert said.stdout.splitlines()[0] == "The test is pending."
    assert "401" in said.stdout


def test_dead_letters_are_listed_and_sent_again_by_the_worker(
    gatepost: Gatepost, receiver: Receiver
) -> None:
    gatepost.acme()
    added = gatepost.json(*ADD, "--url", receiver.url, "--action", "campaign.send")
    named = ("--org", "acme", "--webhook", added["webhook"])
    none = gatepost.run("webhook", "deliveries", *named, "--dead").stdout
    assert none == "There are none.\n"
    first, second = gatepost.look(dead_letter), gatepost.look(dead_letter)
    dead = json.loads(gatepost.run("webhook", "deliveries", *named, "--dead", "--json").stdout)
    assert [row["delivery"] for row in dead] == [second, first]
    assert {(row["status"], row["attempts"], row["answer"]) for row in dead} == {
        ("dead", "10", "503")
    }
    again = gatepost.json("webhook", "redeliver", "--org", "acme", first)
    assert (again["delivery"], again["status"]) == (first, "pending")
    asked = gatepost.json("webhook", "redeliver", "--org", "acme", added["webhook"])
    assert asked["dead_letters"] == "1"
    assert gatepost.run("worker", "--once").exit_code == 0
    dead = json.loads(gatepost.run("webhook", "deliveries", *named, "--dead", "--json").stdout)
    assert {row["attempts"] for row in dead} == {"1"}, "sent again, and the log has no such event"


def test_what_cannot_be_is_a_sentence_and_changes_nothing(
    gatepost: Gatepost, receiver: Receiver
) -> None:
    acme = gatepost.acme()
    org = ("--org", "acme")
    url = ("--url", "https://hooks.example/")
    for arguments, error in (
        ((*ADD, "--url", "http://hooks.example/"), "url: Write an https address"),
        ((*ADD, *url, "--action", "no.such"), "filter.actions: There is no audit action"),
        ((*ADD, *url, "--workspace", "none"), "--workspace: There is no workspace 'none'."),
        (("webhook", "test", *org, "--webhook", acme["owner"]), "--webhook: This is the id of"),
        (("webhook", "redeliver", *org, acme["owner"]), "NAMED: This is not an id"),
    ):
        said = gatepost.run(*arguments)
        assert (said.exit_code, said.stdout) == (1, "")
        assert said.stderr.startswith(f"Error: {error}")
    assert gatepost.look(webhooks) == 0


def test_this_machine_is_for_developers(gatepost: Gatepost) -> None:
    gatepost.acme()
    said = gatepost.run(*ADD, "--url", "http://127.0.0.1:9/")
    assert said.exit_code == 1
    assert gatepost.look(webhooks) == 0
