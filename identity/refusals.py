"""Every way the product says no: one catalogue for all doors.

A use case raises a `Refusal`; the door it came through translates it, by `status` (HTTP, SCIM) or
by `code` (GraphQL `extensions.code`). The message is for the caller and says what to do; it never
holds a secret or tells what the caller may not see.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

FAILED = "INTERNAL"
"""The code of a failure, which is no refusal: our fault, and told apart by its request's id."""


def failure_message(request_id: str | None) -> str:
    """What every door says of a failure."""
    return f"Something went wrong on our side. Tell the operator this id: {request_id}"


class Refusal(Exception):
    """The request is understood and not carried out. `details` are the typed facts behind it."""

    code: str
    status: int
    recorded: ClassVar[bool] = False
    """Whether the audit log records it as a denial."""
    retry_after: int | None = None
    """Seconds after which the same request may succeed; `None` when waiting does not help."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details

    @property
    def reason_code(self) -> str:
        """Why a sign-in ended, as its page and the audit log write it."""
        return self.code.lower()


class Unauthenticated(Refusal):
    code = "UNAUTHENTICATED"
    status = 401

    def __init__(self, message: str = "Sign in, or send a valid credential.") -> None:
        super().__init__(message)


class NotFound(Refusal):
    """Not there, or not visible: one text for both, so that nobody learns which."""

    code = "NOT_FOUND"
    status = 404

    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no such {kind}, or you may not see it.")


class Forbidden(Refusal):
    code = "FORBIDDEN"
    status = 403
    recorded = True


class ScopeMissing(Refusal):
    """An API key does not carry what its owner holds; `missing` names it."""

    code = "SCOPE_MISSING"
    status = 403
    recorded = True


class PlanRequired(Refusal):
    code = "PLAN_REQUIRED"
    status = 403
    recorded = True


class LastOwner(Refusal):
    code = "LAST_OWNER"
    status = 409
    recorded = True

    def __init__(self) -> None:
        super().__init__(
            "This would leave the organization without an active owner. "
            "Make somebody else an owner first."
        )


class Escalation(Refusal):
    """Somebody tried to give what they do not hold; `missing` lists it."""

    code = "ESCALATION"
    status = 409
    recorded = True

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            "You can only give and take permissions that you hold yourself at this scope. "
            f"You lack: {', '.join(missing)}.",
            missing=list(missing),
        )


class InUse(Refusal):
    code = "IN_USE"
    status = 409


class Conflict(Refusal):
    code = "CONFLICT"
    status = 409


class VersionConflict(Conflict):
    """Somebody else changed it first."""

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(
            f"It was changed meanwhile: you expected version {expected}, it is at {actual}. "
            "Load it again and repeat your change.",
            expectedVersion=expected,
            actualVersion=actual,
        )


class BadInput(Refusal):
    """`field` is the path to the input that is wrong, in the words of whoever gave it."""

    code = "BAD_INPUT"
    status = 400

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.field = field


class Busy(Refusal):
    """Others hold what the change needs; nothing was changed, and the same request may succeed."""

    code = "BUSY"
    status = 503
    retry_after = 1

    def __init__(self) -> None:
        super().__init__("Others are changing the same things just now. Try again in a moment.")


class OutcomeUnknown(Refusal):
    """The database was lost while the change was being committed: it may have been made or not."""

    code = FAILED
    status = 500
    reason: ClassVar[str] = "OUTCOME_UNKNOWN"

    def __init__(self) -> None:
        super().__init__(
            "The database was lost while this was being saved. Look whether it was saved before "
            "you send it again.",
            reason=self.reason,
        )


class TooExpensive(Refusal):
    """It asks for more than one request may: `measure` says of what, `measured` and `limit` how
    much. Sending it again does not help.
    """

    code = "TOO_EXPENSIVE"
    status = 429

    def __init__(self, message: str, *, measure: str, measured: int, limit: int) -> None:
        most = 2**31 - 1  # of a GraphQL Int
        super().__init__(message, measure=measure, measured=min(measured, most), limit=limit)


class RateLimited(Refusal):
    """The caller, or the caller's organization, has asked for too much lately; nothing ran.

    `headers` tell every HTTP client where it stands.
    """

    code = "RATE_LIMITED"
    status = 429

    def __init__(
        self, *, limit: int, remaining: int, cost: int, retry_after: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(
            f"You have asked for too much in a short time. Try again in {retry_after} seconds.",
            limit=limit,
            remaining=remaining,
            cost=cost,
            retryAfter=retry_after,
        )
        self.retry_after = retry_after
        self.headers = headers


class TimedOut(Refusal):
    """The operation used up its time and was stopped; what it had not finished was undone."""

    code = "TIMED_OUT"
    status = 503

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"This took longer than {seconds:g} seconds and was stopped. What was not finished is "
            "undone. Ask for less, or for smaller pages.",
            seconds=seconds,
        )
