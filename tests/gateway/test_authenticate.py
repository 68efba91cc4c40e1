"""What the audit log learns of a request."""

from starlette.requests import Request

from gateway.authenticate import origin_of
from identity.subject import Origin


def request_of(user_agent: str) -> Request:
    return Request(
        {
            "type": "http",
            "headers": [(b"user-agent", user_agent.encode("latin-1"))],
            "client": ("203.0.113.9", 50000),
            "state": {"request_id": "r-1"},
        }
    )


def test_a_long_user_agent_is_cut_to_what_the_tables_hold() -> None:
    assert origin_of(request_of(401 * "é")) == Origin("r-1", "203.0.113.9", 400 * "é")


def test_an_empty_user_agent_is_none() -> None:
    assert origin_of(request_of("")) == Origin("r-1", "203.0.113.9", None)
