"""What clients of the last release rely on is still there.

`schema/released.graphql` is the schema of that release. Publishing a release moves it, with
`gatepost schema > schema/released.graphql`, and empties the list of accepted changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLSchema, build_schema, find_breaking_changes, get_directive_values

from schema.sdl import sdl
from tests.architecture.coordinates import places
from tests.architecture.sources import ROOT, assert_only

RELEASED = ROOT / "schema" / "released.graphql"

# A breaking change since the last release: why it is worth what it breaks.
ACCEPTED: dict[str, str] = {
    "CreateCampaignInput.mailingListId changed its guard from none to LISTS_READ at anywhere.": (
        "the use case refuses a list that one may not read, and so does the schema beforehand"
    ),
    "CreateCampaignInput.sendingServerId changed its guard from none to SERVERS_READ or SERVERS_USE"
    " at anywhere.": "the same for a server",
    "UpdateCampaignInput.mailingListId changed its guard from none to LISTS_READ at anywhere.": (
        "as for a new campaign"
    ),
    "UpdateCampaignInput.sendingServerId changed its guard from none to SERVERS_READ or SERVERS_USE"
    " at anywhere.": "as for a new campaign",
    "DeleteRoleInput.replacementId changed its guard from none to MEMBERS_ASSIGN at anywhere.": (
        "the use case refuses it to who may not give roles, wherever the role is held"
    ),
    "Enum value MemberStatus.INVITED was removed.": "nobody ever was: it is no membership",
    **dict.fromkeys(
        (
            "Field RolePayload.role changed type from Role! to Role.",
            "Field DeleteRolePayload.deletedRoleId changed type from ID! to ID.",
            "Field AssignRolePayload.assignment changed type from Assignment! to Assignment.",
            "Field UnassignRolePayload.deletedAssignmentId changed type from ID! to ID.",
        ),
        "a dry run answers with the preview alone",
    ),
}


@dataclass(frozen=True)
class Guard:
    """The `@auth` of an element; without one, whoever comes to the element may use it."""

    requires: frozenset[str] = frozenset()
    at: str | None = None

    def admits(self, before: "Guard") -> bool:
        """Whether everybody whom that guard let through passes this one."""
        return self.at is None or (self.at == before.at and self.requires >= before.requires)

    def __str__(self) -> str:
        return f"{' or '.join(sorted(self.requires))} at {self.at}" if self.at else "none"


def breaking(released: str, current: str) -> Iterator[str]:
    """What a client of the one schema may no longer do with the other, a sentence each."""
    old, new = build_schema(released), build_schema(current)
    for change in find_breaking_changes(old, new):
        yield change.description
    yield from narrowed(old, new)


def narrowed(released: GraphQLSchema, current: GraphQLSchema) -> Iterator[str]:
    """What needs another permission, or needs it elsewhere: who could use it may not now."""
    new = dict(guards(current))
    for coordinate, guard in guards(released):
        if coordinate in new and not new[coordinate].admits(guard):
            yield f"{coordinate} changed its guard from {guard} to {new[coordinate]}."


def guards(schema: GraphQLSchema) -> Iterator[tuple[str, Guard]]:
    directive = schema.get_directive("auth")
    for place in places(schema):
        node = place.element.ast_node
        auth = get_directive_values(directive, node) if directive and node else None
        guard = Guard(frozenset(auth["requires"]), auth["at"]) if auth is not None else Guard()
        yield place.coordinate, guard


def test_nothing_breaks_that_is_not_accepted() -> None:
    changes = list(breaking(RELEASED.read_text(encoding="utf-8"), sdl()))
    assert_only(ACCEPTED, {change: change for change in changes})


BEFORE = """
directive @auth(requires: [P!]!, at: String!) on FIELD_DEFINITION
enum P { R S T }
enum E { A B }
type Query {
  a: Int @auth(requires: [R, S], at: "self")
  b: Int
  c(d: Int): E
}
"""


def test_a_breaking_change_is_found() -> None:
    after = BEFORE.replace("c(d: Int)", "c(d: Int!)").replace("A B", "A").replace("  b: Int\n", "")
    assert sorted(breaking(BEFORE, after)) == [
        "Argument Query.c(d:) has changed type from Int to Int!.",
        "Enum value E.B was removed.",
        "Field Query.b was removed.",
    ]


def test_a_narrower_guard_is_found() -> None:
    after = BEFORE.replace("[R, S]", "[R]").replace(
        "b: Int", 'b: Int @auth(requires: [T], at: "x")'
    )
    assert sorted(breaking(BEFORE, after)) == [
        "Query.a changed its guard from R or S at self to R at self.",
        "Query.b changed its guard from none to T at x.",
    ]


def test_what_only_adds_breaks_nothing() -> None:
    after = (
        BEFORE.replace("[R, S]", "[R, S, T]").replace("A B", "A B C").replace("b: Int", "b: Int!")
    )
    assert list(breaking(BEFORE, after)) == []
    assert list(breaking(BEFORE, BEFORE.replace('@auth(requires: [R, S], at: "self")', ""))) == []
