"""Options that several commands take."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
Option = Callable[[CommandT], CommandT]

of_organization: Option[Any] = click.option(
    "--org", "slug", required=True, help="The slug of the organization."
)
of_address: Option[Any] = click.option("--email", required=True, help="The person's address.")
with_reason: Option[Any] = click.option("--reason", help="Why, for the audit log.")
until_a_day: Option[Any] = click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day, in UTC, at whose beginning the role ends by itself.",
)


def in_utc(day: datetime | None) -> datetime | None:
    """The beginning of a day that was given without a time zone."""
    return None if day is None else day.replace(tzinfo=UTC)
