from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.organization import Organization
from models.record import VersionedRecord
from models.secret import keyring


class ConnectionProtocol(StrEnum):
    OIDC = "oidc"
    SAML = "saml"


class ConnectionStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    DISABLED = "disabled"


class Connection(VersionedRecord):
    """One configured SSO identity provider of an organization.

    `metadata` is the provider's own description as we fetched and validated it (OpenID Connect
    Discovery 1.0), `keys` its JWK Set (RFC 7517); both are null until the first sign-in.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    name = fields.CharField(max_length=100)
    protocol = fields.CharEnumField(ConnectionProtocol, max_length=8)
    status = fields.CharEnumField(ConnectionStatus, max_length=16, default=ConnectionStatus.DRAFT)
    issuer = fields.CharField(max_length=500)
    client_id = fields.CharField(max_length=300)
    client_secret_encrypted = fields.TextField()
    client_secret_fingerprint = fields.CharField(max_length=16)
    metadata: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    metadata_fetched_at = fields.DatetimeField(null=True)
    keys: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    keys_fetched_at = fields.DatetimeField(null=True)

    organization_id: UUID

    class Meta:
        table = "connections"
        unique_together = (("organization", "name"),)

    def set_client_secret(self, clear: str) -> None:
        self.client_secret_encrypted = keyring.encrypt(clear)
        self.client_secret_fingerprint = keyring.fingerprint(clear)

    def client_secret(self) -> str:
        return keyring.decrypt(self.client_secret_encrypted)
