"""Many rules as one, so that a document is visited for all of them at little cost.

graphql-core asks each rule anew, for each kind of node in each document, what it does there. With
some twenty rules that do something at one or two kinds, asking takes longer than judging. Here the
classes of the rules tell it, once.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

from graphql import (
    BREAK,
    SKIP,
    ASTValidationRule,
    Node,
    ValidationContext,
    ValidationRule,
    VisitorAction,
)
from graphql.language.visitor import EnterLeaveVisitor

Rules = tuple[type[ASTValidationRule], ...]
Method = Callable[..., VisitorAction]
NOTHING = EnterLeaveVisitor(None, None)


def together(rules: Rules) -> type[ValidationRule]:
    """One rule that finds what these find, in the same order. They only look at nodes; what one of
    them skips (`SKIP`, `BREAK`), the others do not.
    """

    class Together(_Together):
        judging = rules

    return Together


class _Together(ValidationRule):
    judging: ClassVar[Rules]

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rules = [rule(context) for rule in self.judging]
        self.skipping: list[Any] = [None] * len(self.rules)
        """By rule: the node in which it looks at nothing, or `BREAK` for the rest."""

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        known = self.enter_leave_map.get(kind)
        if known is None:
            known = self.enter_leave_map[kind] = self._visits(kind)
        return known

    def _visits(self, kind: str) -> EnterLeaveVisitor:
        found = _at(self.judging, kind)
        if not found:
            return NOTHING
        visits = [
            (rule, _bound(self.rules[rule], enter), _bound(self.rules[rule], leave))
            for rule, enter, leave in found
        ]
        skipping = self.skipping

        def enter(node: Node, *place: Any) -> None:
            for rule, entered, _ in visits:
                if entered is not None and skipping[rule] is None:
                    action = entered(node, *place)
                    if action is SKIP:
                        skipping[rule] = node
                    elif action is BREAK:
                        skipping[rule] = BREAK

        def leave(node: Node, *place: Any) -> None:
            for rule, _, left in visits:
                if skipping[rule] is node:
                    skipping[rule] = None
                elif left is not None and skipping[rule] is None:
                    action = left(node, *place)
                    if action is BREAK:
                        skipping[rule] = BREAK

        return EnterLeaveVisitor(enter, leave)


@cache
def _at(rules: Rules, kind: str) -> Sequence[tuple[int, str | None, str | None]]:
    """Which rules do something at nodes of the kind, by which methods when entering and leaving."""
    methods = [(_method(rule, "enter", kind), _method(rule, "leave", kind)) for rule in rules]
    return [(rule, enter, leave) for rule, (enter, leave) in enumerate(methods) if enter or leave]


def _method(rule: type[ASTValidationRule], action: str, kind: str) -> str | None:
    """The method for nodes of the kind, or else the one for nodes of any kind."""
    return next((name for name in (f"{action}_{kind}", action) if hasattr(rule, name)), None)


def _bound(rule: ASTValidationRule, method: str | None) -> Method | None:
    return None if method is None else getattr(rule, method)
