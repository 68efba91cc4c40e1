"""Which events a webhook is about: said as the filter of the audit log says it."""

from collections.abc import Sequence
from functools import lru_cache

from identity.audit.filters import EventFilter, actions_like
from identity.refusals import BadInput
from models.audit_event import AuditEvent
from models.webhook import Webhook

EVERYTHING = "*"
MOST_PATTERNS = 50


def patterns(given: Sequence[str], *, field: str) -> list[str]:
    """Actions, each once: `role.create`, `role.*`, `*.delete`, or `*` for all. They are kept as
    they are written: what the catalogue gets later and they mean as well goes out, too.

    Raises `BadInput` for none, for too many, and for one that means no action.
    """
    wanted = list(dict.fromkeys(given))
    if not 1 <= len(wanted) <= MOST_PATTERNS:
        raise BadInput(f"Name 1 to {MOST_PATTERNS} actions; * is all of them.", field=field)
    actions_like(wanted, field=field)
    return wanted


def selects(webhook: Webhook, event: AuditEvent) -> bool:
    """Whether the webhook is about the event, which is one of its organization."""
    asked = EventFilter(
        workspace_id=webhook.workspace_id,
        actions=_meant(tuple(webhook.actions)),
        outcomes=None if webhook.outcome is None else frozenset({webhook.outcome}),
    )
    return asked.matches(event)


@lru_cache(maxsize=1000)
def _meant(given: tuple[str, ...]) -> frozenset[str] | None:
    """The names of the actions; `None` for all, also those that a newer version writes."""
    return None if EVERYTHING in given else actions_like(given, field="actions")
