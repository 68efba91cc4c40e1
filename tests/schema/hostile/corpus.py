"""Hostile documents, by what they try to make expensive, each in any size."""

import random
from collections.abc import Callable, Mapping

WIDE = "\U0001d54f\xe9\u202e"
"""Outside the basic plane, beyond ASCII, and a turn of the direction of writing."""

Family = Callable[[int], str]


def _spreading(count: int, body: Callable[[int], str]) -> str:
    return " ".join(f"fragment F{n} on Query {{ {body(n)} }}" for n in range(count))


def chained_fragments(size: int) -> str:
    last = f"fragment F{size} on Query {{ viewer {{ name }} }}"
    return "{ ...F0 } " + _spreading(size, lambda n: f"...F{n + 1}") + last


def doubling_fragments(size: int) -> str:
    last = f"fragment F{size} on Query {{ viewer {{ name }} }}"
    return "{ ...F0 } " + _spreading(size, lambda n: f"...F{n + 1} ...F{n + 1}") + last


def doubling_below(size: int) -> str:
    """Fragments that double one level deeper each, under two keys."""
    step = "fragment F{0} on Role {{ viewerCan {{ allowed }} ...F{1} }}"
    last = f"fragment F{size} on Role {{ a: name b: name }}"
    start = "{ organization { a: roles { ...F0 } b: roles { ...F0 } } } "
    return start + " ".join(step.format(n, n + 1) for n in range(size)) + last


def fragments_side_by_side(size: int) -> str:
    spreads = " ".join(f"...F{n}" for n in range(size))
    return f"{{ {spreads} }} " + _spreading(size, lambda n: "viewer { name }")


def one_fragment_often(size: int) -> str:
    return "{ " + "...F " * size + "} fragment F on Query { viewer { name } }"


def fragments_in_a_ring(size: int) -> str:
    return "{ ...F0 } " + _spreading(size, lambda n: f"...F{(n + 1) % size}")


def fragments_each_in_each(size: int) -> str:
    every = " ".join(f"...F{n}" for n in range(int(size**0.5) + 1))
    return "{ ...F0 } " + _spreading(int(size**0.5) + 1, lambda n: every)


def fragments_without_use(size: int) -> str:
    return "{ viewer { name } } " + _spreading(size, lambda n: "viewer { name }")


def aliases(size: int) -> str:
    return "{ viewer { " + " ".join(f"a{n}: name" for n in range(size)) + " } }"


def one_field_often(size: int) -> str:
    return "{ viewer { " + "name " * size + "} }"


def one_object_often(size: int) -> str:
    return "{ organization { " + "roles { name } " * size + "} }"


def objects_in_objects_often(size: int) -> str:
    return (
        "{ organization { " + "roles { viewerCan { allowed } viewerCan { allowed } } " * size + "}}"
    )


def one_call_often(size: int) -> str:
    call = 'campaigns(first: 1, after: "x") { nodes { id } } '
    return '{ workspace(id: "x") { ' + call * size + "} }"


def calls_that_differ(size: int) -> str:
    calls = " ".join(f"campaigns(first: {n}) {{ nodes {{ id }} }}" for n in range(size))
    return f'{{ workspace(id: "x") {{ {calls} }} }}'


def inline_fragments(size: int) -> str:
    return "{ " + "... on Query { viewer { name } } " * size + "}"


def deep_inline_fragments(size: int) -> str:
    return "{ " + "... on Query { " * size + "viewer { name }" + " }" * size + " }"


def deep_fields(size: int) -> str:
    return "{ " + "organization { " * size + "name" + " }" * size + " }"


def deep_lists(size: int) -> str:
    return "{ node(id: " + "[" * size + '"x"' + "]" * size + ") { id } }"


def deep_objects(size: int) -> str:
    return "{ node(id: " + "{a: " * size + '"x"' + "}" * size + ") { id } }"


def long_list(size: int) -> str:
    members = "CAMPAIGNS_SEND " * size
    return f'{{ workspace(id: "x") {{ viewerCan(permissions: [{members}]) {{ allowed }} }} }}'


def wide_object(size: int) -> str:
    members = " ".join(f"f{n}: 1" for n in range(size))
    return f"mutation {{ createRole(input: {{{members}}}) {{ role {{ id }} }} }}"


def operations(size: int) -> str:
    each = " ".join(f"query Q{n} {{ ...F }}" for n in range(size))
    return f"{each} fragment F on Query {{ viewer {{ name }} }}"


def operations_by_fragments(size: int) -> str:
    """Each operation reaches each fragment; the document grows with the square of the size."""
    spreads = " ".join(f"...F{n}" for n in range(size))
    each = " ".join(f"query Q{n} {{ {spreads} }}" for n in range(size))
    return f"{each} " + _spreading(size, lambda n: "viewer { name }")


def variables(size: int) -> str:
    declared = " ".join(f"$v{n}: ID!" for n in range(size))
    return (
        f"query ({declared}) {{ "
        + " ".join(f"...F{n}" for n in range(size))
        + " } "
        + (_spreading(size, lambda n: f"node(id: $v{n}) {{ id }}"))
    )


def undeclared_variables(size: int) -> str:
    return "{ " + " ".join(f"node(id: $v{n}) {{ id }}" for n in range(size)) + " }"


def unused_variables(size: int) -> str:
    return f"query ({' '.join(f'$v{n}: Int' for n in range(size))}) {{ viewer {{ name }} }}"


def directives_at_one_place(size: int) -> str:
    return "{ viewer " + "@include(if: true) " * size + "{ name } }"


def directives_everywhere(size: int) -> str:
    return "{ viewer { " + "name @include(if: true) " * size + "} }"


def unknown_directives(size: int) -> str:
    return "{ viewer { " + " ".join(f"name @d{n}" for n in range(size)) + " } }"


def introspection_in_itself(size: int) -> str:
    inner = "fields { type { " * size + "name" + " } }" * size
    return f"{{ __schema {{ types {{ {inner} }} }} }}"


def introspection_often(size: int) -> str:
    return "{ " + "__schema { types { fields { name } } } " * size + "}"


def unknown_fields(size: int) -> str:
    return "{ " + " ".join(f"x{n}" for n in range(size)) + " }"


def long_name(size: int) -> str:
    return "{ " + "x" * size + " }"


def long_number(size: int) -> str:
    return f'{{ workspace(id: "x") {{ campaigns(first: {"1" * size}) {{ totalCount }} }} }}'


def long_default(size: int) -> str:
    declared = f"($n: Int = {'1' * size})"
    return f"query {declared} {{ workspaces {{ campaigns(first: $n) {{ totalCount }} }} }}"


def long_text(size: int) -> str:
    return '{ node(id: "' + WIDE * size + '") { id } }'


def escaped_text(size: int) -> str:
    return '{ node(id: "' + r"\u{1F600}\n\u00e9" * size + '") { id } }'


def lone_surrogates(size: int) -> str:
    return '{ node(id: "' + r"\uD800" * size + '") { id } }'


def block_text(size: int) -> str:
    lines = "\n  ".join("a" for _ in range(size))
    return f'{{ node(id: """{lines}""") {{ id }} }}'


def comments(size: int) -> str:
    return f"# {WIDE}\n" * size + "{ viewer { name } }"


def emptiness(size: int) -> str:
    return "\ufeff" + ",\t\r\n " * size + "{ viewer { name } }"


def letters_that_are_none(size: int) -> str:
    return "{ " + "\uff56\uff49\uff45\uff57 " * size + "}"


def braces(size: int) -> str:
    return "{" * size


def noise(size: int) -> str:
    """The same characters for the same size."""
    source = random.Random(size)  # noqa: S311 - nothing to guess
    alphabet = (
        '{}()[]:!$@...""\\ \n#,|&=\xe9\U0001d54f\x00\u202eabcdefquery fragment on mutation 01-'
    )
    return "".join(source.choice(alphabet) for _ in range(size))


FAMILIES: Mapping[str, Family] = {
    name: family
    for name, family in list(globals().items())
    if callable(family)
    and getattr(family, "__module__", None) == __name__
    and not name.startswith("_")
}

SIZES = (1, 2, 7, 20, 50, 100, 190, 400, 1_000, 3_000, 20_000)
"""Below the limits, at them, and far beyond."""
