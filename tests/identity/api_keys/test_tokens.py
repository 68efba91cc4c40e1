"""How a key is written, and what can be told of one without asking anybody."""

import re
import zlib
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.credentials import key_tokens
from identity.credentials.key_tokens import (
    DIGITS,
    PATTERN,
    Environment,
    id_in,
    id_of_prefix,
    installation,
    minted,
    prefix_of,
)
from models.ids import new_id
from tests.architecture.sources import ROOT

ids = st.uuids()


@pytest.fixture
def for_tests() -> Iterator[None]:
    installation.use(Environment.TEST)
    yield
    installation.use(Environment.LIVE)


@given(ids)
def test_the_id_in_a_key_is_that_of_its_row(row_id: UUID) -> None:
    clear = minted(row_id)
    assert PATTERN.fullmatch(clear)
    assert (id_in(clear), id_of_prefix(clear)) == (row_id, row_id)
    assert clear.startswith(prefix_of(row_id) + "_")
    assert id_of_prefix(prefix_of(row_id)) == row_id


@given(ids, st.integers(0, 10_000), st.sampled_from(DIGITS + "_-"))
def test_a_changed_character_is_noticed(row_id: UUID, at: int, other: str) -> None:
    clear = minted(row_id)
    place = at % len(clear)
    changed = clear[:place] + other + clear[place + 1 :]
    assert id_in(changed) == (row_id if changed == clear else None)


def test_the_checksum_is_the_crc_32_of_what_stands_before_it() -> None:
    clear = minted(new_id())
    text, digits = clear[:-6], clear[-6:]
    value = 0
    for digit in digits:
        value = value * 62 + DIGITS.index(digit)
    assert value == zlib.crc32(text.encode())


def test_two_secrets_of_a_key_differ_in_all_but_the_beginning() -> None:
    row_id = new_id()
    one, other = minted(row_id), minted(row_id)
    assert one != other
    assert one[: len(prefix_of(row_id))] == other[: len(prefix_of(row_id))]


@pytest.mark.parametrize(
    "text",
    ["", "gp_", "gp_live_", "gp_scim_" + 43 * "a", "Bearer gp_live_x", "\u0661" * 80, 300 * "a"],
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert id_in(text) is None
    assert id_of_prefix(text) is None


def test_an_id_beyond_128_bits_is_none() -> None:
    text = f"gp_live_{22 * 'z'}_{43 * 'a'}"
    assert id_in(text + key_tokens._checksum(text)) is None


@pytest.mark.usefixtures("for_tests")
def test_a_key_of_a_test_installation_says_so() -> None:
    clear = minted(new_id())
    assert clear.startswith("gp_test_")
    assert id_in(clear) is not None


def test_a_key_of_another_environment_is_refused() -> None:
    installation.use(Environment.TEST)
    clear = minted(new_id())
    installation.use(Environment.LIVE)
    assert id_in(clear) is None


def test_the_published_pattern_finds_every_key_and_no_token_of_a_directory() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    published = re.search(r"`(gp_\(live\|test\)_\S+)`", text)
    assert published is not None
    pattern = re.compile(published[1])
    clear = minted(new_id())
    assert pattern.fullmatch(clear)
    found = pattern.search(f'KEY="{clear}"\n')
    assert found is not None
    assert found[0] == clear
    assert pattern.search("gp_scim_" + 43 * "a") is None
