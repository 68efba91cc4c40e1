"""The fragments of a document, as limits, cost and validation walk them: each of them once.

Names and spreads only, so that nothing here needs a schema or a valid document.
"""

from collections.abc import Collection, Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

Fragments = Mapping[str, FragmentDefinitionNode]


def fragments_of(document: DocumentNode) -> Fragments:
    """The fragments by name; of two that have one name, the later one, as in graphql-core."""
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def spreads_in(selections: SelectionSetNode) -> Iterator[FragmentSpreadNode]:
    """The spreads of a selection set and of those nested in it, but not inside other fragments."""
    waiting = [selections]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                waiting.append(selection.selection_set)


def mentions(document: DocumentNode, names: Collection[str]) -> bool:
    """Whether the document has a field of one of these names, on whatever type."""
    waiting = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode | OperationDefinitionNode)
    ]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode) and selection.name.value in names:
                return True
            if isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                waiting.append(selection.selection_set)
    return False


def innermost_first(fragments: Fragments) -> list[str]:
    """The names in an order in which each fragment comes after those that it spreads.

    In a cycle one of them comes too early. Walked without recursion: a chain of fragments may be
    as long as the document.
    """
    done: dict[str, None] = {}
    entered: set[str] = set()
    for root in fragments:
        path = [(root, _spread_names(fragments, root))] if root not in done else []
        entered.update(name for name, _ in path)
        while path:
            name, spreads = path[-1]
            following = next((s for s in spreads if s in fragments and s not in entered), None)
            if following is None:
                done[name] = None
                path.pop()
            else:
                entered.add(following)
                path.append((following, _spread_names(fragments, following)))
    return list(done)


def _spread_names(fragments: Fragments, name: str) -> Iterator[str]:
    return (spread.name.value for spread in spreads_in(fragments[name].selection_set))


def closing_spreads(fragments: Fragments) -> Iterator[FragmentSpreadNode]:
    """The spreads that close a cycle: exactly those that lead to a fragment that is not done."""
    order = {name: place for place, name in enumerate(innermost_first(fragments))}
    for name, fragment in fragments.items():
        for spread in spreads_in(fragment.selection_set):
            if order.get(spread.name.value, -1) >= order[name]:
                yield spread
