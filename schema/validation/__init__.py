"""Validating a document: graphql-core's rules, with those replaced that take too long.

Owns: the rules (`RULES`), and our own for merging fields (`merging`) and for what reaches through
fragments (`reaching`), with the verdicts of those that they replace; how they visit a document
together (`visiting`).
May import: `schema.fragments`, graphql-core.
Leaves to others: how large a document may be (`schema.limits`), its cost (`schema.cost`).
"""

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoFragmentCyclesRule,
    NoUndefinedVariablesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    VariablesInAllowedPositionRule,
    specified_rules,
    validate,
)
from graphql.validation import (
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
)

from schema.validation.merging import FieldsMergeRule
from schema.validation.reaching import ReachingRule
from schema.validation.visiting import together

MOST_ERRORS = 10
"""Each may show the input that it is about, as long as that is."""

REPLACED = frozenset(
    {
        NoFragmentCyclesRule,
        NoUndefinedVariablesRule,
        NoUnusedFragmentsRule,
        NoUnusedVariablesRule,
        OverlappingFieldsCanBeMergedRule,
        VariablesInAllowedPositionRule,
    }
)
"""The last but one compares each field with each other of its name. The others hash selection sets
by their whole content, and visit each operation and each fragment once more for its variables.
"""

IDLE = frozenset(
    {
        DeferStreamDirectiveLabel,
        DeferStreamDirectiveOnRootField,
        DeferStreamDirectiveOnValidOperationsRule,
        StreamDirectiveOnListField,
    }
)
"""About `@defer` and `@stream`, which our schema does not have, so that each use of them is refused
as unknown. The last one fails over a `@stream` in a union.
"""

RULES = (
    *(rule for rule in specified_rules if rule not in REPLACED | IDLE),
    ReachingRule,
    FieldsMergeRule,
)
TOGETHER = (together(RULES),)


def mistakes(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """What is wrong with a document: empty exactly when graphql-core would accept it.

    Except for a document that graphql-core gives up on because it takes too long to judge.
    """
    return validate(schema, document, TOGETHER, max_errors=MOST_ERRORS, hide_suggestions=True)
