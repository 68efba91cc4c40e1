"""Secrets at rest."""

import pytest
from cryptography.fernet import Fernet

from models.secret import Keyring, SecretKeyError, keyring, token_hash
from tests.conftest import SECRET_KEYS

CLEAR = "hunter2-hunter2"


def _key() -> str:
    return Fernet.generate_key().decode()


def _keyring(*keys: str) -> Keyring:
    opened = Keyring()
    opened.use(keys)
    return opened


def test_a_stored_value_is_not_the_clear_text_and_not_twice_the_same() -> None:
    ring = _keyring(_key())
    first, second = ring.encrypt(CLEAR), ring.encrypt(CLEAR)
    assert CLEAR not in first
    assert first != second
    assert (ring.decrypt(first), ring.decrypt(second)) == (CLEAR, CLEAR)


def test_a_secret_moves_to_a_new_key_in_front_and_the_old_one_is_dropped() -> None:
    old, new = _key(), _key()
    stored = _keyring(old).encrypt(CLEAR)
    both = _keyring(new, old)
    assert both.decrypt(stored) == CLEAR
    with pytest.raises(SecretKeyError, match="opens with none of the keys"):
        _keyring(new).decrypt(stored)

    rotated = both.rotate(stored)

    assert _keyring(new).decrypt(rotated) == CLEAR
    with pytest.raises(SecretKeyError, match="opens with none of the keys"):
        _keyring(old).decrypt(rotated)


def test_a_value_that_was_tampered_with_does_not_open() -> None:
    ring = _keyring(_key())
    stored = ring.encrypt(CLEAR)
    flipped = stored[:20] + ("A" if stored[20] != "A" else "B") + stored[21:]
    for broken in (flipped, stored[:-4], ""):
        with pytest.raises(SecretKeyError):
            ring.decrypt(broken)
        with pytest.raises(SecretKeyError):
            ring.rotate(broken)


def test_without_a_key_nothing_starts() -> None:
    with pytest.raises(SecretKeyError, match="No secret key is given"):
        Keyring().use([])
    with pytest.raises(SecretKeyError, match="before the database was opened"):
        Keyring().encrypt(CLEAR)


@pytest.mark.parametrize("malformed", ["", "short", "x" * 44, "ключ", "6b6579" * 15])
def test_a_malformed_key_is_named_by_its_place_and_never_shown(malformed: str) -> None:
    ring = _keyring(first := _key())
    with pytest.raises(SecretKeyError, match="Secret key number 2 is not a Fernet key") as refused:
        ring.use([_key(), malformed])
    if malformed:
        assert malformed not in str(refused.value)
    stored = ring.encrypt(CLEAR)
    assert _keyring(first).decrypt(stored) == CLEAR


def test_a_fingerprint_tells_secrets_apart_and_nothing_else() -> None:
    ring = _keyring(_key())
    prints = {secret: ring.fingerprint(secret) for secret in (CLEAR, CLEAR + "!", "", "x")}
    assert len(set(prints.values())) == 4
    for secret, fingerprint in prints.items():
        assert len(fingerprint) == 16
        assert not secret or secret not in fingerprint
        assert ring.fingerprint(secret) == fingerprint
    assert _keyring(_key()).fingerprint(CLEAR) != prints[CLEAR]
    assert token_hash(CLEAR)[:16] != prints[CLEAR]


async def test_opening_the_database_opens_the_keyring(database: str) -> None:
    assert _keyring(*SECRET_KEYS).decrypt(keyring.encrypt(CLEAR)) == CLEAR
