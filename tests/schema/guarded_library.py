"""A small schema with everything that can be guarded, built through the product's own code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
from graphql import GraphQLError, execute_sync, parse, validate
from graphql.execution.values import VariableValues

from identity.access.compiled import compile_access
from identity.access.decision import Grant, Target
from identity.access.permissions import Permission, bits_of, mask_of
from identity.refusals import Refusal
from identity.subject import Subject, operator
from models.assignment import PrincipalType, ScopeType
from models.ids import new_id
from models.organization import Plan
from schema import guard, guarded_inputs
from schema.context import Context
from schema.directives import At, Auth, auth, public
from schema.filters import filter_by, order_by
from schema.fragments import mentions
from schema.guarded_inputs import guarded_input
from schema.operations import operation_of
from schema.variables import coerced

LibraryInfo = strawberry.Info[Context, Any]

SHELF = UUID(int=1)
READ = [Permission.DOCUMENTS_READ]


@strawberry.type(description="A book.")
class Book:
    @public("Its title.")
    def title(self) -> str:
        return "Emma"

    @auth("What it cost.", requires=READ, at=At.SELF)
    def price(self) -> int | None:
        return 12

    def access_target(self) -> Target:
        return Target(SHELF)


@strawberry.enum(description="An order.")
class BookOrder(Enum):
    TITLE = order_by(Book, "title", "By title.")
    PRICE = order_by(Book, "price", "By price.")


@strawberry.enum(description="A style.")
class Style(Enum):
    PLAIN = strawberry.enum_value("plain", description="As it is.")
    GOLDEN = strawberry.enum_value(
        "golden",
        description="With gold.",
        directives=[Auth(requires=[Permission.BRAND_LOGO], at=At.ORGANIZATION)],
    )


@strawberry.input(description="Which books.")
class BookFilter:
    title: str | None = filter_by(Book, "title", "With this title.")
    price: int | None = filter_by(Book, "price", "At this price.")


@strawberry.input(description="A cover.")
class Cover:
    style: Style = strawberry.field(default=Style.PLAIN, description="Its style.")
    text: str | None = guarded_input(
        "What stands on it.", requires=[Permission.BRAND_NAME], at=At.ANYWHERE
    )


@strawberry.input(description="How to bind.")
class Binding:
    covers: list[Cover] = strawberry.field(default_factory=list, description="Its covers.")
    inner: "Binding | None" = strawberry.field(default=None, description="What is inside.")


@strawberry.type(description="Where books stand.")
class Shelf:
    @public("Its books.")
    def books(
        self,
        info: LibraryInfo,
        filter: Annotated[BookFilter | None, strawberry.argument(description="Which.")] = None,
        order_by: Annotated[BookOrder | None, strawberry.argument(description="How.")] = None,
    ) -> list[Book] | None:
        info.root_value.append("books")
        return [Book()]

    def access_target(self) -> Target:
        return Target(SHELF)


@strawberry.type(description="What can be read.")
class Query:
    @public("A shelf.")
    def shelf(self) -> Shelf:
        return Shelf()

    @public("A bound book.")
    def bind(
        self,
        info: LibraryInfo,
        binding: Annotated[Binding | None, strawberry.argument(description="How.")] = None,
        seal: Annotated[
            str | None,
            strawberry.argument(
                description="A seal.",
                directives=[Auth(requires=[Permission.BRAND_LOGO], at=At.ANYWHERE)],
            ),
        ] = None,
        style: Annotated[Style, strawberry.argument(description="Its style.")] = Style.PLAIN,
        spine: Annotated[Style, strawberry.argument(description="Its back.")] = Style.PLAIN,
    ) -> str | None:
        info.root_value.append("bind")
        return "bound"

    @public("A book bound in gold, unless told otherwise.")
    def gild(
        self,
        info: LibraryInfo,
        style: Annotated[Style, strawberry.argument(description="How.")] = Style.GOLDEN,
    ) -> str | None:
        info.root_value.append("gild")
        return "gilded"


library = strawberry.Schema(query=Query)
library_schema = library._schema
guard.enforce(library_schema)
guarded_inputs.enforce(library_schema)


@dataclass(frozen=True)
class Answered:
    """`calls` are the resolvers that ran."""

    data: Any
    errors: list[GraphQLError]
    calls: list[str]

    @property
    def refusals(self) -> list[tuple[Any, ...]]:
        """Path, code, missing permissions and the path to the input, of each error."""
        found = []
        for error in self.errors:
            refusal = error.original_error
            assert isinstance(refusal, Refusal)
            details = refusal.details
            found.append((error.path, refusal.code, details["missing"], details["field"]))
        return found


def holding(
    everywhere: Sequence[Permission] = (),
    shelf: Sequence[Permission] = (),
    *,
    resource: Sequence[Permission] = (),
    plan_cut: Sequence[Permission] = (),
) -> Subject:
    """Somebody who holds these at the organization, those at the workspace that the shelf is, and
    the third at some resource of it.
    """
    grants = [
        _grant(ScopeType.ORGANIZATION, everywhere),
        _grant(ScopeType.WORKSPACE, shelf),
        _grant(ScopeType.CAMPAIGN, resource, scope_id=new_id()),
    ]
    access = compile_access(new_id(), grants, plan_cut=bits_of(plan_cut))
    return replace(operator(access.organization_id, Plan.STARTER), access=access)


def _grant(
    scope_type: ScopeType, permissions: Sequence[Permission], *, scope_id: UUID = SHELF
) -> Grant:
    return Grant(
        assignment_id=new_id(),
        role_id=new_id(),
        role_name="Reader",
        role_version=1,
        principal_type=PrincipalType.MEMBER,
        principal_id=new_id(),
        principal_name="Rita",
        scope_type=scope_type,
        scope_id=scope_id,
        workspace_id=None if scope_type is ScopeType.ORGANIZATION else SHELF,
        mask=mask_of(permissions),
    )


def ask(subject: Subject, query: str, variables: Mapping[str, Any] | None = None) -> Answered:
    """The answer of the library, as `schema.execution` comes to it."""
    document = parse(query)
    assert validate(library_schema, document) == []
    assert mentions(document, guarded_inputs.guarded_fields(library_schema))
    operation = operation_of(document, None)
    assert operation is not None
    calls: list[str] = []
    values = coerced(library_schema, operation, variables or {})
    if not isinstance(values, VariableValues):
        return Answered(None, values, calls)
    refused = guarded_inputs.refused(library_schema, document, operation, values, subject.access)
    if refused:
        return Answered(None, refused, calls)
    result = execute_sync(library_schema, document, calls, Context(subject), dict(variables or {}))
    return Answered(result.data, result.errors or [], calls)
