"""What a PATCH does to the members of a group, read from its operations.

A group may have many members, and a directory usually adds or removes a few. Those operations are
turned into a `Membership` without loading anybody; the rest of the PATCH is left to the engine.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from scim2_models import InvalidValueException, PatchOp, PatchOperation
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator
from scim2_models.path import ValuePath as ValueSelection

from identity.groups import Membership
from scim.mapping import resource_id
from scim.resources import Group

Operation = PatchOperation[Group]
Patch = PatchOp[Group]

MEMBERS = frozenset({"members", f"{Group.__schema__}:members".casefold()})


@dataclass
class MemberChanges:
    """What the operations so far come to: a later one overrides an earlier one."""

    join: set[UUID] = field(default_factory=set)
    leave: set[UUID] = field(default_factory=set)
    only: bool = False

    def add(self, ids: Iterable[UUID]) -> None:
        joining = set(ids)
        self.join |= joining
        self.leave -= joining

    def remove(self, ids: Iterable[UUID]) -> None:
        leaving = set(ids)
        self.join -= leaving
        self.leave |= leaving

    def replace(self, ids: Iterable[UUID]) -> None:
        self.join, self.leave, self.only = set(ids), set(), True

    def result(self) -> Membership:
        return Membership(frozenset(self.join), frozenset(self.leave), self.only)


def split(patch: Patch) -> tuple[Membership, Patch | None] | None:
    """The change of members, and the operations that are about something else, if any.

    None when an operation looks into the members in a way that only the engine can follow, such as
    a filter on more than their ids. Raises `InvalidValueException` for what is not a user's id.
    """
    changes, others = MemberChanges(), []
    for operation in patch.operations or ():
        if operation.path is None:
            other = _without_members(operation, changes)
            if other is not None:
                others.append(other)
        elif not _touches_members(operation):
            others.append(operation)
        elif not _apply(operation, changes):
            return None
    rest = Patch.model_construct(operations=others) if others else None
    return changes.result(), rest


def _touches_members(operation: Operation) -> bool:
    """Whether the path leads to the members, or to all attributes of the group at once."""
    binding = operation.path.resolve() if operation.path is not None else None
    return binding is None or binding.field_name == "members"


def _apply(operation: Operation, changes: MemberChanges) -> bool:
    """Take an operation on the members; false when it takes the engine."""
    path, removes = operation.path, operation.op is Operation.Op.remove
    if str(path).casefold() in MEMBERS:
        if removes and operation.value is None:
            changes.replace(())
        elif removes:
            changes.remove(_known_ids(operation.value))
        elif operation.op is Operation.Op.add:
            changes.add(ids(operation.value))
        else:
            changes.replace(ids(operation.value or ()))
        return True
    selection = path.ast if path is not None else None
    if not removes or operation.value is not None or not isinstance(selection, ValueSelection):
        return False
    selected = None if selection.sub_attr else _selected(selection.val_filter)
    if selected is None:
        return False
    changes.remove(found for value in selected if (found := resource_id(value)))
    return True


def _selected(node: FilterNode) -> list[str] | None:
    """The ids in `value eq "id" or value eq "id"`; none for any other filter."""
    terms = (
        node.terms if isinstance(node, LogicalExpr) and node.op is LogicalOperator.or_ else (node,)
    )
    values = [
        term.value
        for term in terms
        if isinstance(term, Comparison)
        and term.op is CompareOperator.eq
        and str(term.attr_path).casefold() == "value"
        and isinstance(term.value, str)
    ]
    return values if len(values) == len(terms) else None


def _without_members(operation: Operation, changes: MemberChanges) -> Operation | None:
    """Take the members out of an operation without a path; what is left of it."""
    if not isinstance(operation.value, dict):
        return operation
    left = {}
    for name, value in operation.value.items():
        if name.casefold() not in MEMBERS:
            left[name] = value
        elif operation.op is Operation.Op.add:
            changes.add(ids(value))
        else:
            changes.replace(ids(value or ()))
    return operation.model_copy(update={"value": left}) if left else None


def ids(value: Any) -> frozenset[UUID]:
    """The users that the value of an operation names.

    Raises `InvalidValueException` for an entry that is not a user.
    """
    entries = value if isinstance(value, list | tuple) else [value]
    return frozenset(_user_id(entry) for entry in entries)


def _user_id(entry: Any) -> UUID:
    fields = _fields(entry)
    if str(fields.get("type") or "User").casefold() != "user":
        raise InvalidValueException(detail="members: Groups do not contain groups.")
    return user_id(fields.get("value"))


def user_id(value: Any) -> UUID:
    """The id of a member reference. Raises `InvalidValueException`."""
    found = resource_id(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidValueException(detail=f"members: There is no user {value!r:.80}.")
    return found


def _known_ids(value: Any) -> Iterable[UUID]:
    """The ids to be removed; whoever cannot be a member needs no removal."""
    for entry in value if isinstance(value, list) else [value]:
        named = _fields(entry).get("value")
        if isinstance(named, str) and (found := resource_id(named)):
            yield found


def _fields(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise InvalidValueException(detail="members: An entry must be an object with a value.")
    return {str(name).casefold(): item for name, item in entry.items()}
