"""Stored secrets move to a new key, and the old one can be dropped."""

from typing import Any

import pytest
from cryptography.fernet import Fernet

from identity import secrets
from models import Connection, ConnectionProtocol, LoginAttempt, LoginMethod, SendingServer
from models.clock import now
from models.secret import SecretKeyError, keyring
from tests.conftest import SECRET_KEYS
from tests.models.catalog import all_models
from tests.world import World

NEW_KEY = Fernet.generate_key().decode()


async def _stored() -> list[tuple[str, Any]]:
    """Every stored secret of the database, as it is stored."""
    return [
        (column, value)
        for model in all_models()
        for column in model._meta.fields_db_projection.values()
        if column.endswith("_encrypted")
        for value in await model.all().order_by("id").values_list(column, flat=True)
    ]


async def _store(world: World) -> None:
    """Three servers, one without a password, a connection and a sign-in under way."""
    for number in range(2):
        server = SendingServer(workspace=world.a, name=f"Server {number}", host="smtp.acme.example")
        server.set_password(f"password {number}")
        await server.save(force_create=True)
    await SendingServer.create(workspace=world.a, name="Bare", host="smtp.acme.example")
    connection = Connection(
        organization=world.organization,
        name="Okta",
        protocol=ConnectionProtocol.OIDC,
        issuer="https://idp.example",
        client_id="gatepost",
    )
    connection.set_client_secret("client secret")
    await connection.save(force_create=True)
    await LoginAttempt.create(
        organization=world.organization,
        method=LoginMethod.OIDC,
        code_verifier_encrypted=keyring.encrypt("verifier"),
        expires_at=now(),
    )


CLEAR = {"password 0", "password 1", "client secret", "verifier"}


async def test_every_stored_secret_moves_to_the_first_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "BATCH", 1)
    await _store(world)
    before = await _stored()
    keyring.use([NEW_KEY, *SECRET_KEYS])

    assert await secrets.rotate_all() == 4

    keyring.use([NEW_KEY])
    after = await _stored()
    assert {keyring.decrypt(value) for _, value in after if value is not None} == CLEAR
    assert [column for column, _ in after] == [column for column, _ in before]
    assert [value for _, value in after].count(None) == 1
    assert {v for _, v in after if v} & {v for _, v in before if v} == set()


async def test_nothing_moves_when_one_secret_opens_with_no_key(world: World) -> None:
    await _store(world)
    foreign = Fernet(Fernet.generate_key()).encrypt(b"lost").decode()
    await LoginAttempt.all().update(code_verifier_encrypted=foreign)
    before = await _stored()
    keyring.use([NEW_KEY, *SECRET_KEYS])

    with pytest.raises(SecretKeyError):
        await secrets.rotate_all()

    assert await _stored() == before


def test_every_column_that_holds_a_secret_is_rotated() -> None:
    named = {
        (model, column)
        for model in all_models()
        for column in model._meta.fields_db_projection.values()
        if column.endswith("_encrypted")
    }
    assert set(secrets.COLUMNS) == named
    assert len(named) == 9
