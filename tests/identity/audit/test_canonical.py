"""The canonical text of an event: RFC 8785, and the same out of either database."""

import json
import struct
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.audit.canonical import canonical_bytes, document
from models import ActorType, AuditEvent, Outcome, ViaType
from models.ids import new_id

ID = UUID("01a20000-0000-7000-8000-000000000001")
ODD = 'e\u0301 é \U0001f600 \u202e <script> "\\/ \b\f\n\r\t\x1b\x7f \u2028 \ufeff ﬁ'


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_in_the_table_of_the_rfc(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number) == text.encode()


def test_members_are_sorted_by_utf_16_and_nothing_is_escaped_that_need_not_be() -> None:
    """The example of RFC 8785, section 3.2.3: by code points the emoji would come last."""
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical_bytes(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]
    assert canonical_bytes({"b": [], "a": {}, "c": [True, None, "€\x0f\nA'B\"\\</"]}) == (
        '{"a":{},"b":[],"c":[true,null,"€\\u000f\\nA\'B\\"\\\\</"]}'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "\ud800"])
def test_what_is_no_number_and_no_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"JSON has no|surrogates not allowed"):
        canonical_bytes([value])


def test_what_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="JSON has no UUID"):
        canonical_bytes({"id": ID})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aé😀", max_size=2), inner),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(JSON)
def test_the_text_says_exactly_what_was_given(value: Any) -> None:
    text = canonical_bytes(value)
    assert json.loads(text) == value
    assert canonical_bytes(json.loads(text)) == text


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_back_from_its_text(number: float) -> None:
    text = canonical_bytes(number)
    assert float(text) == number
    assert canonical_bytes(json.loads(text)) == text


def _event(**different: Any) -> AuditEvent:
    return AuditEvent(
        **{
            "id": ID,
            "created_at": datetime(2030, 1, 1, 12, tzinfo=UTC),
            "organization_id": UUID(int=7),
            "actor_type": ActorType.SYSTEM,
            "actor_name": "operator",
            "via": ViaType.CLI,
            "action": "role.create",
            "outcome": Outcome.SUCCESS,
            "diff": [],
            **different,
        }
    )


def _other(column: str, value: object) -> object:
    """A value of the column that is not this one."""
    match value:
        case None:
            return UUID(int=1) if column.endswith("_id") else "x"
        case Enum():
            return next(member for member in type(value) if member is not value)
        case datetime():
            return value + timedelta(microseconds=1)
        case UUID():
            return UUID(int=value.int + 1)
        case list():
            return [{"path": "name", "before": None, "after": "x"}]
    return f"{value}!"


DERIVED = {"words"}
"""Made of the other columns, to be searched."""


@pytest.mark.parametrize("column", sorted(set(AuditEvent._meta.fields_map) - DERIVED))
def test_whatever_is_altered_alters_the_text(column: str) -> None:
    event = _event()
    altered = _event(**{column: _other(column, getattr(event, column))})
    assert canonical_bytes(document(altered)) != canonical_bytes(document(event))


async def test_either_database_gives_back_the_text_that_was_written(database: str) -> None:
    diff = [
        {"path": ODD, "before": ODD, "after": None},
        {
            "path": "numbers",
            "before": [0, -1, 2**63 - 1, 6.717685026694875e16, 1.0, 1e-7],
            "after": 0.1,
        },
        {"path": "large", "before": 1.2345678901234568e20, "after": 1e300},
        {"path": "nested", "before": {"b": {"ﬀ": [], "\U0001f600": {}}, "a": True}, "after": []},
        {"path": "scopes", "added": ["a", "b"], "removed": []},
    ]
    event = _event(
        id=new_id(),
        created_at=datetime(2030, 1, 1, 12, 0, 0, 1, tzinfo=UTC),
        actor_name=f" {ODD} ",
        reason=ODD,
        target_type="role",
        target_id=ID,
        target_name="",
        diff=diff,
    )
    written = canonical_bytes(document(event))
    await event.save(force_create=True)

    found = await AuditEvent.get(id=event.id)

    assert canonical_bytes(document(found)) == written
    assert json.loads(written)["diff"][0] == diff[0]
    assert json.loads(written)["time"] == "2030-01-01T12:00:00.000001Z"
    assert json.loads(written)["target"] == {"type": "role", "id": str(ID), "name": ""}


def test_the_whole_of_an_event() -> None:
    assert canonical_bytes(document(_event())).decode() == (
        '{"action":"role.create","actor":{"id":null,"name":"operator","type":"system"},"diff":[],'
        '"id":"01a20000-0000-7000-8000-000000000001","ip":null,"on_behalf_of":null,"operation":null,'
        '"organization":"00000000-0000-0000-0000-000000000007","outcome":"success","reason":null,'
        '"request_id":null,"target":null,"time":"2030-01-01T12:00:00.000000Z","user_agent":null,'
        '"via":{"connection":null,"id":null,"name":null,"type":"cli"},"workspace":null}'
    )
