"""Attributes as filters compare them: the text folded, except where the attribute is caseExact."""

from collections.abc import Iterator
from typing import Any

from scim2_models.path import AttributeBinding, Path

from identity import text
from scim.provider import USER_MODEL

Names = tuple[str, ...]


def names_of(binding: AttributeBinding) -> Names:
    """Where the attribute stands in the JSON of its resource, e.g. ("name", "familyName").

    The attributes of an extension stand under its URN.
    """
    schema = str(getattr(binding.model, "__schema__", ""))
    names = tuple(binding.urn.removeprefix(f"{schema}:").split("."))
    in_extension = schema in USER_MODEL.get_extension_models()
    return (schema, *names) if in_extension else names


def bindings() -> Iterator[AttributeBinding]:
    """Every attribute and sub-attribute of a user."""
    for path in Path[USER_MODEL].iter_paths():  # type: ignore[valid-type]
        binding = path.resolve()
        if binding is not None:
            yield binding


_EXACT = frozenset(names_of(binding) for binding in bindings() if binding.case_exact)


def keys_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """The same attributes of a user, each text in the form in which it is compared."""
    keys: dict[str, Any] = _folded(attributes, ())
    return keys


def _folded(value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        return {name: _folded(item, (*names, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_folded(item, names) for item in value]
    if isinstance(value, str) and names not in _EXACT:
        return text.key(value)
    return value
