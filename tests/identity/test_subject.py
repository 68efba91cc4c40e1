"""The same caller in another request: nothing of who it is gets lost on the way."""

import dataclasses

from identity.access.compiled import nowhere
from identity.subject import Behalf, KeyTerms, Origin, Subject
from models import Plan
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.document_mode import DocumentMode
from models.ids import new_id

ORIGIN = Origin(request_id="first", ip="192.0.2.1", user_agent="tests", operation="Before")
SUBJECT = Subject(
    actor_type=ActorType.MEMBER,
    actor_id=new_id(),
    actor_name="Ada",
    via=ViaType.SESSION,
    via_id=new_id(),
    organization_id=new_id(),
    plan=Plan.PREMIUM,
    revision=7,
    access=nowhere(new_id()),
    origin=ORIGIN,
    authenticated_at=now(),
    via_name="Okta",
    connection_id=new_id(),
    on_behalf_of=Behalf(new_id(), "Olga"),
    terms=KeyTerms("hash", DocumentMode.REQUIRED, 100, now()),
)


def left_as_they_are(value: Subject | Origin) -> list[str]:
    """The fields that have their default, so that a copy without them would look the same."""
    return [
        each.name
        for each in dataclasses.fields(value)
        if getattr(value, each.name) == each.default
        or (
            each.default_factory is not dataclasses.MISSING
            and getattr(value, each.name) == each.default_factory()
        )
    ]


def test_a_subject_again_differs_in_access_and_origin_alone() -> None:
    assert left_as_they_are(SUBJECT) == []
    access, origin = nowhere(new_id()), Origin(request_id="second")
    again = SUBJECT.again(access, origin)
    assert again == dataclasses.replace(SUBJECT, access=access, origin=origin)


def test_a_subject_during_an_operation_differs_in_its_name_alone() -> None:
    assert left_as_they_are(ORIGIN) == []
    origin = dataclasses.replace(ORIGIN, operation="Page")
    assert SUBJECT.during("Page") == dataclasses.replace(SUBJECT, origin=origin)
