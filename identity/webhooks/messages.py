"""What a webhook is sent: Standard Webhooks (standardwebhooks.com), symmetric signatures `v1`.

webhook-id: msg_…            the same for every attempt of a delivery: repeat nothing for it
webhook-timestamp: seconds   of the attempt
webhook-signature: v1,…      HMAC-SHA256 over "id.timestamp.body", one for each secret
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from identity.audit.canonical import canonical_time, document
from identity.audit.ocsf import ocsf
from models.audit_event import AuditEvent
from models.webhook import Webhook, WebhookDelivery, WebhookFormat

PREFIX = "whsec_"
SECRET_BYTES = 32
PING = "webhook.ping"
"""The type of a message that is about no event."""


def new_secret() -> str:
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Sent:
    headers: Mapping[str, str]
    body: bytes


def message(
    webhook: Webhook, delivery: WebhookDelivery, event: AuditEvent | None, *, moment: datetime
) -> Sent:
    """The message of a delivery, signed for this moment. Raises `SecretKeyError`."""
    body = orjson.dumps(_content(webhook, delivery, event))
    message_id, seconds = f"msg_{delivery.id.hex}", str(int(moment.timestamp()))
    signatures = [_signature(each, message_id, seconds, body) for each in webhook.secrets(moment)]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(signatures),
    }
    return Sent(headers, body)


def _content(
    webhook: Webhook, delivery: WebhookDelivery, event: AuditEvent | None
) -> Mapping[str, object]:
    if event is None:
        at, data = delivery.created_at, {"webhook": str(webhook.id)}
    elif webhook.format is WebhookFormat.OCSF:
        return ocsf(event)
    else:
        at, data = event.created_at, document(event)
    return {"type": delivery.action, "timestamp": canonical_time(at), "data": data}


def _signature(secret: str, *signed: str | bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    text = b".".join(_bytes(signed))
    return "v1," + b64encode(hmac.digest(key, text, hashlib.sha256)).decode()


def _bytes(parts: Sequence[str | bytes]) -> list[bytes]:
    return [each.encode() if isinstance(each, str) else each for each in parts]
