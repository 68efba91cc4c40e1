"""Which events a webhook is about."""

from collections.abc import Sequence

from identity.audit.actions import Action
from identity.refusals import BadInput
from models.audit_event import AuditEvent
from models.webhook import Webhook

EVERYTHING = "*"
MOST_PATTERNS = 50


def patterns(given: Sequence[str], *, field: str) -> list[str]:
    """Actions, each once: `role.create`, `role.*` for all of a noun, `*` for all.

    Raises `BadInput` for none, for too many, and for one that no action is.
    """
    wanted = list(dict.fromkeys(given))
    if not 1 <= len(wanted) <= MOST_PATTERNS:
        raise BadInput(f"Name 1 to {MOST_PATTERNS} actions; * is all of them.", field=field)
    for each in wanted:
        wild = each == EVERYTHING or each.endswith(".*")
        if not any(_fits(each, action) for action in Action) or (not wild and "*" in each):
            raise BadInput(f"No action is called {each[:100]!r}.", field=field)
    return wanted


def selects(webhook: Webhook, event: AuditEvent) -> bool:
    """Whether the webhook is about the event."""
    return (
        any(_fits(each, event.action) for each in webhook.actions)
        and webhook.outcome in (None, event.outcome)
        and webhook.workspace_id in (None, event.workspace_id)
    )


def _fits(pattern: str, action: str) -> bool:
    return action.startswith(pattern[:-1]) if pattern.endswith("*") else action == pattern
