"""The protocol: scim2-server's, behind a reader that takes only what can be stored."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from scim2_models import (
    BaseModel,
    Context,
    InvalidFilterException,
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    PatchOp,
    ResourceType,
    SearchRequest,
)
from scim2_server.service import ScimService, scim_exception_of

from scim.mapping import storable
from scim.provider import PROVIDER

LONGEST_EXPRESSION = 4_000
"""Characters of a filter or of a PATCH path."""

DEEPEST_EXPRESSION = 40
"""Open parentheses and brackets in one: evaluation is recursive."""

LARGEST_INDEX = 2**31 - 1

ModelT = TypeVar("ModelT", bound=BaseModel)


class DirectoryService(ScimService):
    def read_body(
        self, model: type[ModelT], body: bytes, content_type: str | None, scim_ctx: Context
    ) -> ModelT:
        """The body as a model. Raises `InvalidSyntaxException`, `InvalidValueException` and what
        the model's own checks raise.
        """
        content = self.decode_body(body, content_type)
        if issubclass(model, PatchOp):
            _normalize(content)
        try:
            return model.model_validate(content, scim_ctx=scim_ctx)
        except ValidationError as error:
            raise scim_exception_of(error) from error

    def decode_body(self, body: bytes, content_type: str | None) -> Any:
        """The JSON of a body, without characters that PostgreSQL cannot store."""
        self.ensure_json(content_type)
        try:
            content = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise InvalidSyntaxException(detail=str(error)) from error
        if b"\\u0000" in body and not storable(content):
            raise InvalidValueException(detail="A value must not contain the null character.")
        return content

    def read_search(
        self, resource_types: list[ResourceType], payload: Any
    ) -> tuple[SearchRequest[Any], Any]:
        for name, value in payload.items() if isinstance(payload, dict) else ():
            if str(name).casefold() == "filter" and isinstance(value, str) and _too_much(value):
                raise InvalidFilterException(detail="This filter is too long or nested too deep.")
        request, position = super().read_search(resource_types, payload)
        if request.start_index is not None:
            request.start_index = min(request.start_index, LARGEST_INDEX)
        return request, position


def _too_much(expression: str) -> bool:
    nested = expression.count("(") + expression.count("[")
    return len(expression) > LONGEST_EXPRESSION or nested > DEEPEST_EXPRESSION


def _normalize(content: Any) -> None:
    """Bring what directories send in a PATCH to what RFC 7644 section 3.5.2 has, in place."""
    for operation in _operations(content):
        fields = {str(name).casefold(): name for name in operation}
        path = operation.get(fields.get("path", "path"))
        if isinstance(path, str) and _too_much(path):
            raise InvalidPathException(detail="This path is too long or nested too deep.")
        # Entra ID removes members as [{"value": id, "$ref": null}], and null would have to match.
        if str(operation.get(fields.get("op", "op"))).casefold() == "remove":
            for entry in _objects(operation.get(fields.get("value", "value"))):
                for name in [name for name, item in entry.items() if item is None]:
                    del entry[name]


def _operations(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict):
        return []
    named = {str(name).casefold(): value for name, value in content.items()}
    return _objects(named.get("operations"))


def _objects(value: Any) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, dict)]


SERVICE = DirectoryService(PROVIDER)
