"""Hostile documents are judged in steps that grow like the document, and never fail."""

import sys
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import example, given
from hypothesis import strategies as st

from identity.refusals import TooExpensive
from schema.cost import prices
from schema.execution import document_errors
from schema.limits import parsed, require_within_limits
from schema.schema import graphql_schema
from schema.validation import mistakes
from tests.door import Person
from tests.examples import examples
from tests.schema.hostile.corpus import FAMILIES, SIZES

VALID = "valid"
WRONG = "BAD_INPUT"
REFUSED = "TOO_EXPENSIVE"

AT_SEVEN = {
    **dict.fromkeys(FAMILIES, VALID),
    "braces": WRONG,
    "calls_that_differ": WRONG,
    "deep_fields": WRONG,
    "deep_lists": WRONG,
    "deep_objects": WRONG,
    "directives_at_one_place": REFUSED,
    "doubling_fragments": REFUSED,
    "fragments_each_in_each": WRONG,
    "fragments_in_a_ring": WRONG,
    "fragments_without_use": WRONG,
    "introspection_in_itself": WRONG,
    "letters_that_are_none": WRONG,
    "lone_surrogates": WRONG,
    "long_name": WRONG,
    "noise": WRONG,
    "undeclared_variables": WRONG,
    "unknown_directives": WRONG,
    "unknown_fields": WRONG,
    "unused_variables": WRONG,
    "variables": WRONG,
    "wide_object": WRONG,
}
UNLIMITED = {"long_text", "long_name", "long_number", "long_default", "noise", "braces",
             "deep_lists", "block_text"}  # fmt: skip
"""Those whose largest document is still short, or wrong from its beginning on."""


def verdict(source: str) -> str:
    try:
        document = parsed(source)
        require_within_limits(document)
    except TooExpensive:
        return REFUSED
    except GraphQLError:
        return WRONG
    if mistakes(graphql_schema, document):
        return WRONG
    prices(graphql_schema, document)
    return VALID


def calls(source: str) -> int:
    """How many functions judging a document calls, those of C included."""
    count = 0

    def count_one(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_one)
    verdict(source)
    sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", FAMILIES)
def test_a_hostile_document_has_its_verdict(name: str) -> None:
    family = FAMILIES[name]
    assert verdict(family(7)) == AT_SEVEN[name]
    for size in SIZES:
        if size <= 3_000 and name != "operations_by_fragments":
            assert verdict(family(size)) in (VALID, WRONG, REFUSED)
    if name not in UNLIMITED:
        assert verdict(family(100_000 if "operations" not in name else 500)) == REFUSED


@pytest.mark.parametrize("name", FAMILIES)
def test_the_work_grows_no_faster_than_the_document(name: str) -> None:
    """Measured over what passes the limits, where twice the size is at most twice the text."""
    family = FAMILIES[name]
    passing = [size for size in (20, 100) if verdict(family(2 * size)) == verdict(family(size))]
    for size in passing:
        small, large = family(size), family(2 * size)
        growth = max(2.0, len(large) / len(small))
        assert calls(large) <= 1.15 * growth * calls(small)


@pytest.mark.parametrize("size", [190, 400])
def test_no_document_takes_many_steps(size: int) -> None:
    """The slowest is an object of 400 unknown fields, which its ten errors write out each."""
    for name, family in FAMILIES.items():
        if name != "operations_by_fragments":
            assert calls(family(size)) < 320_000, name


FRAGMENT_SOUP = st.lists(
    st.sampled_from(
        ["{", "}", "...", "F", "on", "Query", "viewer", "name", "fragment F on Query", "query",
         "(", ")", "id:", "$v", ":", "[", "]", "!", "@skip(if: true)", '"', '"""', "#", "\n", "1e9",
         "-0", "\\u{110000}", "\ud800", "\ufeff", "é", "workspaces", "campaigns(first: 100)"]
    ),
    max_size=60,
).map(" ".join)  # fmt: skip


@examples(300, at_length=10_000)
@given(st.one_of(st.text(max_size=300), FRAGMENT_SOUP))
@example("\ud800")
@example('{ node(id: "\ud800") { id } }')
def test_any_text_has_a_verdict(source: str) -> None:
    assert verdict(source) in (VALID, WRONG, REFUSED)
    document_errors(source)


@pytest.mark.parametrize("name", FAMILIES)
async def test_the_door_answers_without_failing(otto: Person, name: str) -> None:
    """Nothing of it is our fault, and no answer is much longer than what was sent."""
    for size in (1, 20, 400):
        source = FAMILIES[name](size)
        response = await otto.post({"query": source}, accept="application/graphql-response+json")
        assert response.status_code in (200, 400, 413), response.text
        errors = response.json().get("errors", [])
        assert "INTERNAL" not in {error["extensions"]["code"] for error in errors}
        if response.status_code == 400:
            assert len(response.content) <= 2_000 + 15 * len(source.encode())
