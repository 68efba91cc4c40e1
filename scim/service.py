"""The protocol: scim2-server's, behind a reader that takes only what can be stored."""

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from scim2_models import (
    BaseModel,
    Context,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    PatchOp,
    Resource,
    ResourceType,
    SearchRequest,
)
from scim2_server.service import ScimService, scim_exception_of

from scim import bounds
from scim.mapping import storable
from scim.provider import PROVIDER, USER_MODEL
from scim.resources import User

LARGEST_INDEX = 2**31 - 1

ModelT = TypeVar("ModelT", bound=BaseModel)

_USER_PATCH: type[BaseModel] = PatchOp[USER_MODEL]  # type: ignore[valid-type]


class DirectoryService(ScimService):
    def read_body(
        self, model: type[ModelT], body: bytes, content_type: str | None, scim_ctx: Context
    ) -> ModelT:
        """The body as a model. Raises `InvalidSyntaxException`, `InvalidValueException` and what
        the model's own checks raise.
        """
        content = self.decode_body(body, content_type)
        _check(model, content)
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
            if (
                str(name).casefold() == "filter"
                and isinstance(value, str)
                and bounds.too_much(value)
            ):
                raise InvalidFilterException(detail="This filter is too long or nested too deep.")
        request, position = super().read_search(resource_types, payload)
        if request.start_index is not None:
            request.start_index = min(request.start_index, LARGEST_INDEX)
        return request, position


def _check(model: type[BaseModel], content: Any) -> None:
    """Bound the work before it begins. Raises what `bounds` raises."""
    if issubclass(model, PatchOp):
        bounds.check_patch(list(_operations(content)), user=issubclass(model, _USER_PATCH))
    elif issubclass(model, Resource):
        bounds.check_resource(content, user=issubclass(model, User))


def _normalize(content: Any) -> None:
    """Bring what directories send in a PATCH to what RFC 7644 section 3.5.2 has, in place."""
    for operation in _operations(content):
        # Entra ID removes members as [{"value": id, "$ref": null}], and null would have to match.
        if any(str(op).casefold() == "remove" for op in bounds.named(operation, "op")):
            for value in bounds.named(operation, "value"):
                for entry in _objects(value):
                    for name in [name for name, item in entry.items() if item is None]:
                        del entry[name]


def _operations(content: Any) -> Iterator[Any]:
    for operations in bounds.named(content, "operations"):
        yield from operations if isinstance(operations, list) else [operations]


def _objects(value: Any) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, dict)]


SERVICE = DirectoryService(PROVIDER)
