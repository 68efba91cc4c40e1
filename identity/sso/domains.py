"""The mail domains that are an organization's own."""

import re

from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget
from identity.refusals import BadInput
from identity.subject import Subject
from identity.writing import writing
from models.clock import now
from models.verified_domain import VerifiedDomain

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


async def verify_by_operator(subject: Subject, domain: str) -> VerifiedDomain:
    """Mark a mail domain as the organization's own, on the operator's word.

    An identity provider of the organization is then believed about addresses in it. Marking it
    again changes nothing. Raises `Forbidden` for anybody but the operator, and `BadInput`.
    """
    domain = domain.strip().lower()
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise BadInput(
            "Give a mail domain in ASCII, e.g. acme.example (or xn--… for others).", field="domain"
        )
    async with writing(subject, Action.DOMAIN_VERIFY) as write:
        write.about(AuditTarget("verified_domain", None, domain))
        write.require_operator("Only the operator marks domains as verified.")
        row, _ = await VerifiedDomain.get_or_create(
            organization_id=write.organization_id, domain=domain
        )
        if row.verified_at is None:
            row.verified_at = now()
            await row.save(update_fields=["verified_at"])
            await write.record(
                AuditTarget("verified_domain", row.id, domain),
                changes({}, {"domain": domain, "verifiedAt": row.verified_at}),
            )
    return row
