"""Who calls with an API key: one indexed statement, and nothing for what cannot be a key.

A key is looked up by the id in it, and its secret compared by hash in constant time. What was found
is known for a while, and then asked again along with the data (`gate`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

from identity.access.bounds import bounded, bounds_in
from identity.access.compiled import Access, nowhere
from identity.access.load import cache, read_key_access
from identity.audit.actions import Action
from identity.audit.record import AuditTarget, Denial, record_denial
from identity.credentials.gate import KeyGate
from identity.credentials.key_tokens import id_in, prefix_of
from identity.credentials.lately import Lately
from identity.presence import Standing
from identity.refusals import Forbidden, Refusal, Unauthenticated
from identity.subject import KeyTerms, Origin, Subject
from models.api_key import ApiKeyKind
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.document_mode import DocumentMode
from models.member import MemberStatus
from models.organization import Plan
from models.secret import token_hash
from models.sql import Statement, as_json, as_optional_time, as_optional_uuid, as_uuid

LONGEST = 200
ASKED_AGAIN_AFTER = timedelta(minutes=1)
DENIED_AT_MOST_EVERY = timedelta(minutes=1)
FAR_AHEAD = timedelta(days=365)

log = logging.getLogger("gatepost.api_keys")

_COLUMNS = """
    k.id, k.organization_id, k.kind, k.member_id, k.workspace_id, k.name, k.version, k.secret_hash,
    k.previous_hash, k.previous_until, k.scopes, k.administrative, k.workspaces, k.resources,
    k.networks, k.document_mode, k.rate_limit, k.expires_at, k.revoked_at,
    m.name AS member_name, m.status AS member_status, o.plan, o.access_revision
"""
_FOUND = Statement(f"""
    SELECT {_COLUMNS} FROM api_keys k
    JOIN organizations o ON o.id = k.organization_id
    LEFT JOIN members m ON m.id = k.member_id
    WHERE k.id = $1
""")  # noqa: S608 - the columns are a constant


class _Rejected(Unauthenticated):
    """What the audit log learns of a key that is refused, and the caller does not."""

    recorded = True


@dataclass(frozen=True, slots=True)
class _Known:
    """What a key was last found to be, by the hash of its text."""

    subject: Subject
    version: int
    networks: tuple[str, ...] | None
    found_at: datetime


_known: Lately[str, _Known] = Lately()
"""By the hash of a key. Nothing is believed of them that a gate does not ask again."""
_cut: Lately[UUID, tuple[int, Access]] = Lately()
"""By key, its version and the access that it came to, which is good for what it was cut from."""
_denied: Lately[tuple[UUID, str | None, str], datetime] = Lately()
"""When a denial of a key was last recorded, by address and reason: guessing must not fill the log.
"""


async def authenticate(clear: str, *, origin: Origin) -> Subject:
    """The subject of a key, in one indexed statement plus, after a change, its access.

    Raises `Unauthenticated` for one that is unknown, over, or whose owner is not active, and never
    says which; `Forbidden` for a good one from a network it is not for. Of a key that there is, a
    denial is recorded. What has not the form of a key costs no statement.
    """
    key_id = id_in(clear) if len(clear) <= LONGEST else None
    if key_id is None:
        raise Unauthenticated
    hashed = token_hash(clear)
    row = await _FOUND.row(key_id)
    if row is None:
        log.warning("an API key that there is none of was sent from %s: %s", origin.ip, key_id)
        raise Unauthenticated
    moment = now()
    if reason := _wrong_with(row, hashed, moment):
        _known.forget(hashed)
        await _deny(row, origin, _Rejected(reason))
        raise Unauthenticated
    networks = _networks(row)
    if not _is_within(origin.ip, networks):
        refusal = Forbidden(
            "This API key may not be used from this network.", reason="NETWORK", missing=[]
        )
        await _deny(row, origin, refusal)
        raise refusal
    subject = await _subject(row, hashed, origin)
    _known.put(hashed, _Known(subject, int(row["version"]), networks, moment))
    return subject


async def standing(subject: Subject) -> Standing:
    """The subject of a key as it is now. Raises `Unauthenticated` when it is over."""
    row = await _FOUND.row(subject.via_id)
    terms, moment = subject.terms, now()
    if row is None or terms is None or _wrong_with(row, terms.secret_hash, moment):
        raise Unauthenticated
    if not _is_within(subject.origin.ip, _networks(row)):
        raise Unauthenticated
    present = await _subject(row, terms.secret_hash, subject.origin)
    ends = [as_optional_time(row["expires_at"]), present.access.valid_until]
    if not compare_digest(row["secret_hash"], terms.secret_hash):
        ends.append(as_optional_time(row["previous_until"]))
    known = [end for end in ends if end is not None]
    return Standing(present, min(known, default=moment + FAR_AHEAD))


def presumed(clear: str, *, origin: Origin) -> tuple[Subject, KeyGate] | None:
    """The subject that a key was last found to be, for whoever can pass the gate along with their
    own first statement: what the gate asks is what `authenticate` does.

    `None` for a key not seen lately.
    """
    hashed = token_hash(clear)
    known, moment = _known.get(hashed), now()
    if known is None or moment - known.found_at >= ASKED_AGAIN_AFTER:
        return None
    if not _is_within(origin.ip, known.networks):
        return None
    subject = known.subject
    whole = subject.access.whole
    present = cache.known(
        subject.organization_id,
        _principal_id(subject),
        plan=subject.plan,
        revision=subject.revision,
    )
    if present is None or present is not whole or subject.via_id is None:
        return None
    gate = KeyGate(
        key_id=subject.via_id,
        secret_hash=hashed,
        version=known.version,
        moment=moment,
        name=subject.actor_name,
        plan=subject.plan,
        revision=subject.revision,
    )
    return subject.again(subject.access, origin), gate


def _principal_id(subject: Subject) -> UUID:
    """Who holds the roles that the key carries."""
    assert subject.actor_id is not None  # noqa: S101 - a key acts as somebody
    return subject.actor_id


def _wrong_with(row: Any, hashed: str, moment: datetime) -> str | None:
    """Why a key that there is is not accepted; `None` if it is."""
    current = compare_digest(row["secret_hash"], hashed)
    before = compare_digest(row["previous_hash"] or "", hashed)
    until = as_optional_time(row["previous_until"])
    if not current and not (before and until is not None and until > moment):
        return "The secret is wrong."
    if row["revoked_at"] is not None:
        return "It was ended."
    ends = as_optional_time(row["expires_at"])
    if ends is not None and ends <= moment:
        return "It has expired."
    personal = row["kind"] == ApiKeyKind.PERSONAL.value
    if personal and row["member_status"] != MemberStatus.ACTIVE.value:
        return "Its owner is not active."
    return None


async def _deny(row: Any, origin: Origin, refusal: Refusal) -> None:
    key_id = as_uuid(row["id"])
    what, moment = (key_id, origin.ip, refusal.message), now()
    before = _denied.get(what)
    if before is not None and moment - before < DENIED_AT_MOST_EVERY:
        return
    _denied.put(what, moment)
    organization_id = as_uuid(row["organization_id"])
    subject = Subject(
        actor_type=ActorType.ANONYMOUS,
        actor_id=None,
        actor_name=prefix_of(key_id),
        via=ViaType.API_KEY,
        via_id=key_id,
        via_name=prefix_of(key_id),
        organization_id=organization_id,
        plan=Plan(row["plan"]),
        revision=0,
        access=nowhere(organization_id),
        origin=origin,
    )
    about = AuditTarget("api_key", key_id, row["name"])
    workspace_id = as_optional_uuid(row["workspace_id"])
    await record_denial(Denial(Action.API_KEY_USE, refusal, subject, about, workspace_id))


def _networks(row: Any) -> tuple[str, ...] | None:
    networks = as_json(row["networks"])
    return None if networks is None else tuple(networks)


def _is_within(ip: str | None, networks: tuple[str, ...] | None) -> bool:
    if networks is None:
        return True
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(each) for each in networks)


async def _subject(row: Any, hashed: str, origin: Origin) -> Subject:
    organization_id, key_id = as_uuid(row["organization_id"]), as_uuid(row["id"])
    plan, revision = Plan(row["plan"]), int(row["access_revision"])
    service = row["kind"] == ApiKeyKind.SERVICE.value
    actor_id = key_id if service else as_uuid(row["member_id"])
    whole = await cache.get(
        organization_id,
        actor_id,
        plan=plan,
        revision=revision,
        read=read_key_access if service else None,
    )
    mode = row["document_mode"]
    terms = KeyTerms(
        secret_hash=hashed,
        document_mode=None if mode is None else DocumentMode(mode),
        rate_limit=row["rate_limit"],
        expires_at=as_optional_time(row["expires_at"]),
    )
    return Subject(
        actor_type=ActorType.API_KEY if service else ActorType.MEMBER,
        actor_id=actor_id,
        actor_name=row["name"] if service else row["member_name"],
        via=ViaType.API_KEY,
        via_id=key_id,
        via_name=prefix_of(key_id),
        organization_id=organization_id,
        plan=plan,
        revision=revision,
        access=_bounded(row, whole),
        origin=origin,
        terms=terms,
    )


def _bounded(row: Any, whole: Access) -> Access:
    """What the key carries of an access, compiled once for both."""
    key_id, version = as_uuid(row["id"]), int(row["version"])
    known = _cut.get(key_id)
    if known is not None and known[0] == version and known[1].whole is whole:
        return known[1]
    access = bounded(whole, bounds_in(row))
    _cut.put(key_id, (version, access))
    return access
